/* compare_contract.c - what a launcher hands to a runner: how it starts it, and what it leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "judge/contract_rules.h"

/* ---- argv, environment, descriptors, signals ---- */

static const char *argv_is_exact(const json_t *record, char buffer[256])
{
    const json_t *argv = json_object_get(record, "argv");
    const char *option = json_string_value(json_array_get(argv, 1));
    const char *path = json_string_value(json_array_get(argv, 2));
    (void)buffer;
    if (json_array_size(argv) != 3)
        return "the runner was not given exactly two arguments";
    if (option == NULL || strcmp(option, "--launch-contract") != 0)
        return "the runner's first argument is not --launch-contract";
    if (path == NULL || path[0] != '/')
        return "the contract's path is not absolute";
    size_t length = strlen(path), name = strlen("/vz-guest-launch.json");
    return length > name && strcmp(path + length - name, "/vz-guest-launch.json") == 0
               ? NULL
               : "the contract's file is not called vz-guest-launch.json";
}

static const char *environment_is_minimal(const json_t *record, char buffer[256])
{
    static const char *const allowed[] = {"PATH", "HOME",   "USER", "LOGNAME",
                                          "LANG", "TMPDIR", "TERM"};
    size_t index;
    json_t *variable;
    json_array_foreach (json_object_get(record, "environment"), index, variable) {
        const char *text = json_string_value(variable);
        size_t length = text == NULL ? 0 : strcspn(text, "=");
        bool known = false;
        for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
            known = known || (length == strlen(allowed[i]) && text != NULL &&
                              strncmp(text, allowed[i], length) == 0);
        if (!known) {
            snprintf(buffer, 256, "the runner inherited %.*s", (int)length,
                     text == NULL ? "?" : text);
            return buffer;
        }
    }
    return json_is_array(json_object_get(record, "environment")) ? NULL
                                                                 : "no environment was recorded";
}

static const char *descriptors_are_three(const json_t *record, char buffer[256])
{
    size_t index;
    json_t *entry;
    json_array_foreach (json_object_get(record, "descriptors"), index, entry) {
        json_int_t fd = json_integer_value(json_object_get(entry, "fd"));
        if (fd > 2) {
            snprintf(buffer, 256, "the runner inherited descriptor %lld, a %s", (long long)fd,
                     cf_contract_text(entry, "type"));
            return buffer;
        }
    }
    return json_array_size(json_object_get(record, "descriptors")) == 3
               ? NULL
               : "the runner does not have descriptors 0, 1 and 2";
}

static const char *signals_are_original(const json_t *record, char buffer[256])
{
    static const char *const sets[] = {"signals.blocked", "signals.ignored"};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (!json_is_array(cf_contract_at(record, sets[i])) ||
            json_array_size(cf_contract_at(record, sets[i])) != 0) {
            char *text =
                json_dumps(cf_contract_at(record, sets[i]), JSON_ENCODE_ANY | JSON_COMPACT);
            snprintf(buffer, 256, "%s is %.150s, the launcher had none", sets[i],
                     text == NULL ? "not told" : text);
            free(text);
            return buffer;
        }
    return NULL;
}

/* ---- custody ---- */

static const char *modes_are_private(const json_t *record, char buffer[256])
{
    size_t index;
    json_t *entry;
    json_int_t owner = json_integer_value(cf_contract_at(record, "process.uid"));
    if (strcmp(cf_contract_text(record, "custody.contract.mode"), "0600") != 0 ||
        strcmp(cf_contract_text(record, "custody.contract.type"), "file") != 0 ||
        json_integer_value(cf_contract_at(record, "custody.contract.uid")) != owner) {
        snprintf(buffer, 256, "the contract is a %s of mode %s",
                 cf_contract_text(record, "custody.contract.type"),
                 cf_contract_text(record, "custody.contract.mode"));
        return buffer;
    }
    if (strcmp(cf_contract_text(record, "custody.directory.mode"), "0700") != 0) {
        snprintf(buffer, 256, "the runtime directory has mode %s",
                 cf_contract_text(record, "custody.directory.mode"));
        return buffer;
    }
    json_array_foreach (json_object_get(json_object_get(record, "custody"), "neighbours"), index,
                        entry) {
        const char *wanted =
            strcmp(cf_contract_text(entry, "type"), "directory") == 0 ? "0700" : "0600";
        if (strcmp(cf_contract_text(entry, "mode"), wanted) != 0) {
            snprintf(buffer, 256, "%s beside the contract has mode %s",
                     cf_contract_text(entry, "name"), cf_contract_text(entry, "mode"));
            return buffer;
        }
    }
    return NULL;
}

static const char *holds_no_secret(const json_t *record, char buffer[256])
{
    static const char *const secrets[] = {"firma-secret-", "FIRMA_CAPABILITY_TOKEN",
                                          "FIRMA_BROKER_ADDR", "FIRMA_SECRET_", "AWS_SECRET"};
    const char *bytes = cf_contract_text(record, "custody.contract_bytes");
    if (bytes[0] == '\0')
        return "the contract's bytes were not recorded";
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        if (strstr(bytes, secrets[i]) != NULL) {
            snprintf(buffer, 256, "%s stands in the contract", secrets[i]);
            return buffer;
        }
    return NULL;
}

static const char *proof_is_complete(const json_t *record, char buffer[256])
{
    size_t length = 0;
    char *bytes = (char *)cf_unescape(cf_contract_text(record, "custody.proof_bytes"), &length);
    json_t *proof = bytes == NULL || length == 0 ? NULL : json_loadb(bytes, length, 0, NULL);
    const char *breach = NULL;
    (void)buffer;
    if (proof == NULL)
        breach = "no enforcement-proof.json stands beside the contract when the runner starts";
    else if (strcmp(cf_contract_text(proof, "backend"), "vz") != 0 ||
             !json_is_true(json_object_get(proof, "structural")) ||
             !json_is_true(json_object_get(proof, "fail_closed")) ||
             strcmp(cf_contract_text(proof, "network_confinement"), "macos_vz_guest") != 0 ||
             cf_contract_text(proof, "detail")[0] == '\0')
        breach = "the proof does not state backend, structural, fail_closed, network_confinement "
                 "and detail as it must";
    json_decref(proof);
    free(bytes);
    return breach;
}

static const char *nothing_is_left(const json_t *ended, char buffer[256])
{
    const json_t *left = json_object_get(ended, "left");
    const json_t *survivors = json_object_get(ended, "survivors");
    if (json_array_size(survivors) > 0) {
        snprintf(buffer, 256, "%zu processes were left", json_array_size(survivors));
        return buffer;
    }
    for (size_t i = 0; i < json_array_size(left); i++) {
        snprintf(buffer, 256, "%.200s was left", json_string_value(json_array_get(left, i)));
        return buffer;
    }
    return json_is_array(left) ? NULL : "what was left was not recorded";
}

/* ---- what surrounds a careless operator ---- */

static const char *nothing_steers(const json_t *record, char buffer[256])
{
    static const char *const names[] = {
        "LD_",           "GCONV_PATH=", "BASH_ENV=", "ENV=",          "PYTHON",
        "NODE_OPTIONS=", "PERL5OPT=",   "GIT_",      "SSL_CERT_FILE="};
    const json_t *environment = json_object_get(record, "environment");
    for (size_t v = 0; v < json_array_size(environment); v++) {
        const char *variable = json_string_value(json_array_get(environment, v));
        for (size_t i = 0; variable != NULL && i < sizeof names / sizeof names[0]; i++)
            if (strncmp(variable, names[i], strlen(names[i])) == 0) {
                snprintf(buffer, 256, "the runner inherited %.200s", variable);
                return buffer;
            }
    }
    return json_is_array(environment) ? NULL : "no environment was recorded";
}

/* Neither the runner nor the contract may know of the operator's own proxies. */
static const char *no_ambient_proxy(const json_t *record, char buffer[256])
{
    const json_t *environment = json_object_get(record, "environment");
    for (size_t v = 0; v < json_array_size(environment); v++) {
        const char *variable = json_string_value(json_array_get(environment, v));
        if (variable != NULL && strstr(variable, "://203.0.113.9:") != NULL) {
            snprintf(buffer, 256, "the runner inherited %.200s", variable);
            return buffer;
        }
    }
    if (strstr(cf_contract_text(record, "custody.contract_bytes"), "203.0.113.9") != NULL)
        return "the operator's own proxy stands in the contract";
    return json_is_array(environment) ? NULL : "no environment was recorded";
}

static const char *no_stray_descriptor(const json_t *record, char buffer[256])
{
    size_t index;
    json_t *entry;
    json_array_foreach (json_object_get(record, "descriptors"), index, entry) {
        json_int_t fd = json_integer_value(json_object_get(entry, "fd"));
        if (fd > 3) {
            snprintf(buffer, 256, "the runner inherited descriptor %lld, a %s", (long long)fd,
                     cf_contract_text(entry, "type"));
            return buffer;
        }
    }
    return json_is_array(json_object_get(record, "descriptors")) ? NULL
                                                                 : "no descriptor was recorded";
}

static const char *nobody_listens(const json_t *knocked, char buffer[256])
{
    if (json_integer_value(json_object_get(knocked, "bridge")) == 0 ||
        json_integer_value(json_object_get(knocked, "stub")) == 0)
        return "the contract names no bridge or no stub";
    bool bridge = json_is_true(json_object_get(knocked, "bridge_answers"));
    bool stub = json_is_true(json_object_get(knocked, "stub_answers"));
    snprintf(buffer, 256, "after the run the %s still takes connections",
             bridge ? "bridge" : "stub");
    return bridge || stub ? buffer : NULL;
}

/* ---- the checks ---- */

/* EVENT of both labs' harnesses, or that record's member KEY. */
static void by_event(struct cf_finding *finding, const char *event, const char *key, cf_rule *rule)
{
    const json_t *control = cf_evidence_harness(finding->evidence, CF_CONTROL, event, NULL, NULL);
    const json_t *subject = cf_evidence_harness(finding->evidence, CF_SUBJECT, event, NULL, NULL);
    json_int_t seq = json_integer_value(json_object_get(subject, "seq"));
    cf_compare_rule(finding, key == NULL ? control : json_object_get(control, key),
                    key == NULL ? subject : json_object_get(subject, key), rule, seq);
}

#define RECORD_CHECK(name, rule)                                                                   \
    static void name(struct cf_finding *finding)                                                   \
    {                                                                                              \
        by_event(finding, "record", "record", rule);                                               \
    }
RECORD_CHECK(check_argv, argv_is_exact)
RECORD_CHECK(check_fields, cf_contract_fields_are_right)
RECORD_CHECK(check_bytes, cf_contract_bytes_are_canonical)
RECORD_CHECK(check_modes, modes_are_private)
RECORD_CHECK(check_secrets, holds_no_secret)
RECORD_CHECK(check_environment, environment_is_minimal)
RECORD_CHECK(check_descriptors, descriptors_are_three)
RECORD_CHECK(check_signals, signals_are_original)
RECORD_CHECK(check_proof, proof_is_complete)
RECORD_CHECK(check_steering, nothing_steers)
RECORD_CHECK(check_proxies, no_ambient_proxy)
RECORD_CHECK(check_strays, no_stray_descriptor)
#undef RECORD_CHECK

static void check_left(struct cf_finding *finding)
{
    by_event(finding, "ended", NULL, nothing_is_left);
}

static void check_listeners(struct cf_finding *finding)
{
    by_event(finding, "knocked", NULL, nobody_listens);
}

const struct cf_check cf_contract_checks[] = {
    {"argv", check_argv},
    {"fields", check_fields},
    {"canonical", check_bytes},
    {"modes", check_modes},
    {"no-secrets", check_secrets},
    {"runner-environment", check_environment},
    {"runner-descriptors", check_descriptors},
    {"runner-signals", check_signals},
    {"proof", check_proof},
    {"nothing-left", check_left},
    {"steering-variables", check_steering},
    {"ambient-proxies", check_proxies},
    {"stray-descriptors", check_strays},
    {"listeners-gone", check_listeners},
    {NULL, NULL},
};
