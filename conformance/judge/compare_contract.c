/*
 * compare_contract.c - what a launcher hands to a runner, by the suite's own rules.
 *
 * The field table below is the suite's own reading of contract version 1; the product's reader and
 * writer are never asked. The bytes are judged by rendering the parsed contract anew in canonical
 * form and comparing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "judge/compare.h"

static const json_t *at(const json_t *record, const char *path)
{
    char word[64];
    for (const char *rest = path; record != NULL && *rest != '\0';) {
        size_t length = strcspn(rest, ".");
        snprintf(word, sizeof word, "%.*s", (int)length, rest);
        record = json_object_get(record, word);
        rest += length + (rest[length] == '.');
    }
    return record;
}

static const char *text_at(const json_t *record, const char *path)
{
    const char *text = json_string_value(at(record, path));
    return text == NULL ? "" : text;
}

/* The contract's bytes as the recorder read them; the caller's to free. */
static char *contract_bytes(const json_t *record, size_t *length)
{
    return (char *)cf_unescape(text_at(record, "custody.contract_bytes"), length);
}

static json_t *contract_of(const json_t *record)
{
    size_t length = 0;
    char *bytes = contract_bytes(record, &length);
    json_t *contract =
        bytes == NULL ? NULL : json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    return contract;
}

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
    static const char *const allowed[] = {"PATH", "HOME", "USER", "LOGNAME",
                                          "LANG", "TMPDIR", "TERM"};
    size_t index;
    json_t *variable;
    json_array_foreach(json_object_get(record, "environment"), index, variable)
    {
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
    json_array_foreach(json_object_get(record, "descriptors"), index, entry)
    {
        json_int_t fd = json_integer_value(json_object_get(entry, "fd"));
        if (fd > 2) {
            snprintf(buffer, 256, "the runner inherited descriptor %lld, a %s", (long long)fd,
                     text_at(entry, "type"));
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
        if (!json_is_array(at(record, sets[i])) || json_array_size(at(record, sets[i])) != 0) {
            char *text = json_dumps(at(record, sets[i]), JSON_ENCODE_ANY | JSON_COMPACT);
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
    json_int_t owner = json_integer_value(at(record, "process.uid"));
    if (strcmp(text_at(record, "custody.contract.mode"), "0600") != 0 ||
        strcmp(text_at(record, "custody.contract.type"), "file") != 0 ||
        json_integer_value(at(record, "custody.contract.uid")) != owner) {
        snprintf(buffer, 256, "the contract is a %s of mode %s",
                 text_at(record, "custody.contract.type"), text_at(record, "custody.contract.mode"));
        return buffer;
    }
    if (strcmp(text_at(record, "custody.directory.mode"), "0700") != 0) {
        snprintf(buffer, 256, "the runtime directory has mode %s",
                 text_at(record, "custody.directory.mode"));
        return buffer;
    }
    json_array_foreach(json_object_get(json_object_get(record, "custody"), "neighbours"), index, entry)
    {
        const char *wanted = strcmp(text_at(entry, "type"), "directory") == 0 ? "0700" : "0600";
        if (strcmp(text_at(entry, "mode"), wanted) != 0) {
            snprintf(buffer, 256, "%s beside the contract has mode %s", text_at(entry, "name"),
                     text_at(entry, "mode"));
            return buffer;
        }
    }
    return NULL;
}

static const char *holds_no_secret(const json_t *record, char buffer[256])
{
    static const char *const secrets[] = {"firma-secret-", "FIRMA_CAPABILITY_TOKEN",
                                          "FIRMA_BROKER_ADDR", "FIRMA_SECRET_", "AWS_SECRET"};
    const char *bytes = text_at(record, "custody.contract_bytes");
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
    char *bytes = (char *)cf_unescape(text_at(record, "custody.proof_bytes"), &length);
    json_t *proof = bytes == NULL || length == 0 ? NULL : json_loadb(bytes, length, 0, NULL);
    const char *breach = NULL;
    (void)buffer;
    if (proof == NULL)
        breach = "no enforcement-proof.json stands beside the contract when the runner starts";
    else if (strcmp(text_at(proof, "backend"), "vz") != 0 ||
             !json_is_true(json_object_get(proof, "structural")) ||
             !json_is_true(json_object_get(proof, "fail_closed")) ||
             strcmp(text_at(proof, "network_confinement"), "macos_vz_guest") != 0 ||
             text_at(proof, "detail")[0] == '\0')
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

/* ---- fields ---- */

/* Objects of the contract: their keys in order. Maps have free keys and are sorted by byte. */
static const struct shape {
    const char *path;
    const char *keys; /* "" for a map */
} shapes[] = {
    {"", "version sandbox_id runtime_dir runner guest command mounts network invariants"},
    {"runner", "path"},
    {"guest", "kernel initrd rootfs"},
    {"command", "executable args cwd env identity_mode seccomp_filter_path"},
    {"command.env", ""},
    {"mounts", "source target read_only"},
    {"network", "proxy_url dns_stub_addr attribution_headers"},
    {"network.attribution_headers", ""},
    {"invariants", "name mode"},
};

static const char *keys_of(const char *path)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (strcmp(shapes[i].path, path) == 0)
            return shapes[i].keys;
    return NULL;
}

static size_t count_words(const char *words)
{
    size_t count = words[0] != '\0';
    for (; *words != '\0'; words++)
        count += *words == ' ';
    return count;
}

static const char *check_shape(const json_t *object, const struct shape *shape, char buffer[256])
{
    if (!json_is_object(object)) {
        snprintf(buffer, 256, "%s is not an object", shape->path);
        return buffer;
    }
    if (shape->keys[0] == '\0')
        return NULL;
    for (const char *key = shape->keys; *key != '\0';) {
        char name[64];
        size_t length = strcspn(key, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, key);
        if (json_object_get(object, name) == NULL) {
            snprintf(buffer, 256, "%s.%s is missing", shape->path, name);
            return buffer;
        }
        key += length + (key[length] == ' ');
    }
    if (json_object_size(object) == count_words(shape->keys))
        return NULL;
    snprintf(buffer, 256, "%s has keys that version 1 does not know", shape->path);
    return buffer;
}

static const char *check_shapes(const json_t *contract, char buffer[256])
{
    const char *breach = NULL;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0] && breach == NULL; i++) {
        const json_t *value = at(contract, shapes[i].path);
        if (!json_is_array(value)) {
            breach = check_shape(value, &shapes[i], buffer);
            continue;
        }
        for (size_t m = 0; m < json_array_size(value) && breach == NULL; m++)
            breach = check_shape(json_array_get(value, m), &shapes[i], buffer);
    }
    return breach;
}

/* What this launch was asked for stands in the contract, word for word. */
static const struct value {
    const char *path, *text;
} values[] = {
    {"runner.path", "/lab/bin/recorder-runner"},
    {"guest.kernel", "/lab/artifacts/kernel"},
    {"guest.initrd", "/lab/artifacts/initrd"},
    {"guest.rootfs", "/lab/artifacts/rootfs"},
    {"command.executable", "/lab/bin/firma-probe"},
    {"command.cwd", "/lab/work"},
    {"command.identity_mode", "host_user"},
    {"command.env.HOME", "/lab/work"},
    {"command.env.FIRMA_TEST_EMPTY", ""},
    {"command.env.NO_PROXY", "127.0.0.1,localhost,::1"},
    {"command.env.no_proxy", "127.0.0.1,localhost,::1"},
    {"command.env.FIRMA_RUN_SESSION_ID", "conformance-session"},
    {"command.env.FIRMA_RUN_PROFILE", "conformance"},
    {"command.env.FIRMA_AGENT_ID", "probe"},
    {"network.attribution_headers.x-firma-session-id", "conformance-session"},
    {"network.attribution_headers.x-firma-profile", "conformance"},
    {"network.attribution_headers.x-firma-agent", "probe"},
    {"network.attribution_headers.x-firma-user", "tester"},
};

static const char *check_values(const json_t *contract, char buffer[256])
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (!json_is_string(at(contract, values[i].path)) ||
            strcmp(text_at(contract, values[i].path), values[i].text) != 0) {
            snprintf(buffer, 256, "%s is \"%.100s\", not \"%s\"", values[i].path,
                     text_at(contract, values[i].path), values[i].text);
            return buffer;
        }
    return NULL;
}

static bool is_loopback_port(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    char *end;
    if (strncmp(text, prefix, length) != 0 || text[length] < '1' || text[length] > '9')
        return false;
    long port = strtol(text + length, &end, 10);
    return *end == '\0' && port >= 1 && port <= 65535;
}

/* UUIDv7, RFC 9562: 8-4-4-4-12 lower-case digits, version 7, variant 10x. */
static bool is_uuid7(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx";
    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i] != '\0'; i++) {
        const char *allowed = form[i] == 'x'   ? "0123456789abcdef"
                              : form[i] == 'v' ? "89ab"
                              : form[i] == '7' ? "7"
                                               : "-";
        if (strchr(allowed, text[i]) == NULL)
            return false;
    }
    return true;
}

static const char *check_network(const json_t *contract, char buffer[256])
{
    static const char *const proxies[] = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
                                          "http_proxy", "https_proxy", "all_proxy"};
    const char *sandbox = text_at(contract, "sandbox_id");
    const char *proxy = text_at(contract, "network.proxy_url");
    const char *stub = text_at(contract, "network.dns_stub_addr");
    const json_t *env = at(contract, "command.env");
    if (!is_uuid7(sandbox))
        return "sandbox_id is not a UUIDv7";
    if (strcmp(text_at(contract, "network.attribution_headers.x-firma-sandbox-id"), sandbox) != 0)
        return "x-firma-sandbox-id is not sandbox_id";
    if (!is_loopback_port(proxy, "http://127.0.0.1:"))
        return "network.proxy_url is not http://127.0.0.1:PORT";
    if (!is_loopback_port(stub, "127.0.0.1:"))
        return "network.dns_stub_addr is not 127.0.0.1:PORT";
    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++)
        if (strcmp(text_at(env, proxies[i]), proxy) != 0) {
            snprintf(buffer, 256, "command.env.%s is not proxy_url", proxies[i]);
            return buffer;
        }
    if (strcmp(text_at(env, "FIRMA_DNS_STUB_ADDR"), stub) != 0)
        return "command.env.FIRMA_DNS_STUB_ADDR is not dns_stub_addr";
    return strcmp(text_at(env, "FIRMA_RUN_SANDBOX_ID"), sandbox) == 0
               ? NULL
               : "command.env.FIRMA_RUN_SANDBOX_ID is not sandbox_id";
}

static const char *check_lists(const json_t *contract, char buffer[256])
{
    static const char *const args[] = {"exit", "0", "", "a\nb"};
    const json_t *given = at(contract, "command.args");
    const json_t *mounts = json_object_get(contract, "mounts");
    const json_t *last = json_array_get(mounts, json_array_size(mounts) - 1);
    const json_t *invariants = json_object_get(contract, "invariants");
    if (json_array_size(given) != 4)
        return "command.args has not the arguments that were given";
    for (size_t i = 0; i < 4; i++)
        if (strcmp(json_string_value(json_array_get(given, i)), args[i]) != 0)
            return "command.args has not the arguments that were given";
    if (json_array_size(mounts) != 4 || strcmp(text_at(last, "source"), "/lab/work") != 0 ||
        strcmp(text_at(last, "target"), "/lab/work") != 0 ||
        !json_is_false(json_object_get(last, "read_only")))
        return "mounts does not end with the working directory, read-write";
    if (json_array_size(invariants) != 6)
        return "invariants does not list all six";
    for (size_t i = 0; i < 6; i++) {
        const json_t *invariant = json_array_get(invariants, i);
        const char *name = cf_invariant_name((enum cf_invariant)i);
        if (strcmp(text_at(invariant, "name"), name) != 0 ||
            strcmp(text_at(invariant, "mode"), "required") != 0) {
            snprintf(buffer, 256, "invariants[%zu] is not %s, required", i, name);
            return buffer;
        }
    }
    return NULL;
}

static const char *fields_are_right(const json_t *record, char buffer[256])
{
    static const char *(*const checks[])(const json_t *, char[256]) = {check_shapes, check_values,
                                                                       check_network, check_lists};
    json_t *contract = contract_of(record);
    const char *breach = contract == NULL ? "the contract is not JSON" : NULL;
    if (breach == NULL && (!json_is_integer(json_object_get(contract, "version")) ||
                           json_integer_value(json_object_get(contract, "version")) != 1))
        breach = "version is not 1";
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && breach == NULL; i++)
        breach = checks[i](contract, buffer);
    if (breach != NULL && breach != buffer) /* may point into the contract */
        breach = strncpy(buffer, breach, 255);
    json_decref(contract);
    return breach;
}

/* ---- bytes: the canonical form, rendered by the suite itself ---- */

static void render(FILE *out, const json_t *value, const char *path, int depth);

static void indent(FILE *out, int depth)
{
    fprintf(out, "\n%*s", 2 * depth, "");
}

static void render_member(FILE *out, const json_t *object, const char *key, const char *path,
                          int depth, bool first)
{
    char below[128];
    json_t *name = json_string(key);
    char *quoted = json_dumps(name, JSON_ENCODE_ANY);
    snprintf(below, sizeof below, "%s%s%s", path, path[0] == '\0' ? "" : ".", key);
    fputs(first ? "" : ",", out);
    indent(out, depth + 1);
    fprintf(out, "%s: ", quoted);
    render(out, json_object_get(object, key), below, depth + 1);
    free(quoted);
    json_decref(name);
}

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void render_map(FILE *out, const json_t *object, const char *path, int depth)
{
    const char *keys[512], *key;
    json_t *value;
    size_t count = 0;
    json_object_foreach((json_t *)object, key, value)
    {
        if (count < sizeof keys / sizeof keys[0])
            keys[count++] = key;
    }
    qsort(keys, count, sizeof keys[0], by_bytes);
    for (size_t i = 0; i < count; i++)
        render_member(out, object, keys[i], path, depth, i == 0);
}

static void render_object(FILE *out, const json_t *object, const char *path, int depth)
{
    const char *keys = keys_of(path);
    if (json_object_size(object) == 0) {
        fputs("{}", out);
        return;
    }
    fputc('{', out);
    if (keys == NULL || keys[0] == '\0')
        render_map(out, object, path, depth);
    for (const char *key = keys; key != NULL && *key != '\0';) {
        char name[64];
        size_t length = strcspn(key, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, key);
        render_member(out, object, name, path, depth, key == keys);
        key += length + (key[length] == ' ');
    }
    indent(out, depth);
    fputc('}', out);
}

static void render_array(FILE *out, const json_t *array, const char *path, int depth)
{
    if (json_array_size(array) == 0) {
        fputs("[]", out);
        return;
    }
    fputc('[', out);
    for (size_t i = 0; i < json_array_size(array); i++) {
        fputs(i == 0 ? "" : ",", out);
        indent(out, depth + 1);
        render(out, json_array_get(array, i), path, depth + 1);
    }
    indent(out, depth);
    fputc(']', out);
}

static void render(FILE *out, const json_t *value, const char *path, int depth)
{
    if (json_is_object(value)) {
        render_object(out, value, path, depth);
    } else if (json_is_array(value)) {
        render_array(out, value, path, depth);
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        fputs(text == NULL ? "?" : text, out);
        free(text);
    }
}

static const char *bytes_are_canonical(const json_t *record, char buffer[256])
{
    size_t length = 0, rendered_length = 0;
    char *bytes = contract_bytes(record, &length), *rendered = NULL;
    json_t *contract = contract_of(record);
    FILE *out = open_memstream(&rendered, &rendered_length);
    if (contract != NULL && out != NULL)
        render(out, contract, "", 0);
    if (out != NULL)
        fclose(out);
    size_t same = 0;
    while (bytes != NULL && rendered != NULL && same < length && same < rendered_length &&
           bytes[same] == rendered[same])
        same++;
    bool equal = contract != NULL && length == rendered_length && same == length;
    snprintf(buffer, 256, "the contract's bytes leave the canonical form at byte %zu", same);
    json_decref(contract);
    free(bytes);
    free(rendered);
    return equal ? NULL : buffer;
}

/* ---- the checks ---- */

static json_t *record_of(const struct cf_finding *finding, enum cf_leg leg)
{
    return json_object_get(
        cf_evidence_harness(finding->evidence, leg, "record", NULL, NULL), "record");
}

static void by_record(struct cf_finding *finding, cf_rule *rule)
{
    cf_compare_rule(finding, record_of(finding, CF_CONTROL), record_of(finding, CF_SUBJECT), rule);
}

#define RECORD_CHECK(name, rule)                                                                   \
    static void name(struct cf_finding *finding)                                                   \
    {                                                                                              \
        by_record(finding, rule);                                                                  \
    }
RECORD_CHECK(check_argv, argv_is_exact)
RECORD_CHECK(check_fields, fields_are_right)
RECORD_CHECK(check_bytes, bytes_are_canonical)
RECORD_CHECK(check_modes, modes_are_private)
RECORD_CHECK(check_secrets, holds_no_secret)
RECORD_CHECK(check_environment, environment_is_minimal)
RECORD_CHECK(check_descriptors, descriptors_are_three)
RECORD_CHECK(check_signals, signals_are_original)
RECORD_CHECK(check_proof, proof_is_complete)
#undef RECORD_CHECK

static void check_left(struct cf_finding *finding)
{
    cf_compare_rule(finding,
                    cf_evidence_harness(finding->evidence, CF_CONTROL, "ended", NULL, NULL),
                    cf_evidence_harness(finding->evidence, CF_SUBJECT, "ended", NULL, NULL),
                    nothing_is_left);
}

const struct cf_check cf_contract_checks[] = {
    {"argv", check_argv},
    {"fields", check_fields},
    {"bytes", check_bytes},
    {"modes", check_modes},
    {"no-secrets", check_secrets},
    {"runner-environment", check_environment},
    {"runner-descriptors", check_descriptors},
    {"runner-signals", check_signals},
    {"proof", check_proof},
    {"nothing-left", check_left},
    {NULL, NULL},
};
