/* compare_envelope.c - what the command finds around itself; told by the guest, never an acquittal
 * of anything seen from outside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "judge/compare.h"

static void release(json_t *bare, json_t *confined)
{
    json_decref(bare);
    json_decref(confined);
}

/* A field of the envelope must be the same bare and confined. */
static void same_field(struct cf_finding *finding, int index, const char *field)
{
    json_t *bare = cf_compare_output(finding, CF_CONTROL, index);
    json_t *confined = cf_compare_output(finding, CF_SUBJECT, index);
    const json_t *had = json_object_get(bare, field), *has = json_object_get(confined, field);
    if (had != NULL && !json_equal(had, has)) {
        char *was = json_dumps(had, JSON_ENCODE_ANY | JSON_COMPACT);
        char *is = has == NULL ? NULL : json_dumps(has, JSON_ENCODE_ANY | JSON_COMPACT);
        cf_compare_mismatch(finding, index, "%s is %.150s bare and %.150s confined", field, was,
                            is == NULL ? "not told" : is);
        free(was);
        free(is);
    }
    release(bare, confined);
}

static bool bare_tells(const struct cf_finding *finding, int runs, const char *field)
{
    for (int i = 0; i < runs; i++) {
        json_t *bare = cf_compare_output(finding, CF_CONTROL, i);
        bool tells = json_object_get(bare, field) != NULL;
        json_decref(bare);
        if (!tells)
            return false;
    }
    return true;
}

static void compare_fields(struct cf_finding *finding, int runs, const char *const *fields)
{
    cf_compare_legs(finding, runs, bare_tells(finding, runs, fields[0]),
                    "the bare command tells what it finds");
    for (int i = 0; i < runs; i++)
        for (const char *const *field = fields; *field != NULL; field++)
            same_field(finding, i, *field);
}

/* The field that the row names, in every run of its case. */
static void field(struct cf_finding *finding)
{
    const char *const fields[] = {cf_compare_word(finding), NULL};
    struct cf_case_run runs[CF_CASE_RUNS];
    size_t count = cf_case_runs(finding->row->attempt, cf_finding_scale(finding), runs);
    compare_fields(finding, (int)count, fields);
}

static void host_user(struct cf_finding *finding)
{
    compare_fields(finding, 1, (const char *const[]){"uid", "euid", "gid", "egid", NULL});
}

/* ---- environment: only ports and the sandbox's id may differ ---- */

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* NAME=VALUE with what the launcher alone can know replaced by a word. */
static json_t *normal(const char *variable)
{
    const char *value = strchr(variable, '=');
    if (value == NULL)
        return json_string(variable);
    int name = (int)(value - variable);
    if (starts(variable, "FIRMA_RUN_SANDBOX_ID="))
        return json_sprintf("%.*s=%s", name, variable, strlen(value + 1) == 36 ? "ID" : "?");
    if (starts(variable, "FIRMA_DNS_STUB_ADDR="))
        return json_sprintf("%.*s=ADDRESS", name, variable);
    if (starts(value + 1, "http://127.0.0.1:"))
        return json_sprintf("%.*s=PROXY", name, variable);
    return json_string(variable);
}

static json_t *normal_environment(const json_t *output)
{
    const json_t *env = json_object_get(output, "env");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(env); i++) {
        const char *variable = json_string_value(json_array_get(env, i));
        json_array_append_new(list, variable == NULL ? json_null() : normal(variable));
    }
    return list;
}

static bool holds(const json_t *list, const json_t *item)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), item))
            return true;
    return false;
}

static void say_missing(struct cf_finding *finding, const json_t *from, const json_t *in,
                        const char *what)
{
    for (size_t i = 0; i < json_array_size(from); i++)
        if (!holds(in, json_array_get(from, i)))
            cf_compare_mismatch(finding, 0, "%s %.200s", what,
                                json_string_value(json_array_get(from, i)));
}

static void environment(struct cf_finding *finding)
{
    json_t *bare = cf_compare_output(finding, CF_CONTROL, 0);
    json_t *confined = cf_compare_output(finding, CF_SUBJECT, 0);
    json_t *wanted = normal_environment(bare), *found = normal_environment(confined);
    cf_compare_legs(finding, 1, json_array_size(wanted) > 0,
                    "the bare command tells its environment");
    if (json_array_size(wanted) > 0 && confined != NULL) {
        say_missing(finding, wanted, found, "the command lacks");
        say_missing(finding, found, wanted, "the command has, though nobody declared it,");
    } else if (json_array_size(wanted) > 0) {
        cf_compare_mismatch(finding, 0, "the confined command did not tell its environment");
    }
    release(wanted, found);
    release(bare, confined);
}

/* ---- rules the bare command must break ---- */

static const char *is_sandbox_user(const json_t *seen, char buffer[256])
{
    static const char *const ids[] = {"uid", "euid", "gid", "egid"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        json_int_t id = json_integer_value(json_object_get(seen, ids[i]));
        if (id != 65534) {
            snprintf(buffer, 256, "%s is %lld, not 65534", ids[i], (long long)id);
            return buffer;
        }
    }
    for (size_t i = 0; i < json_array_size(json_object_get(seen, "groups")); i++)
        if (json_integer_value(json_array_get(json_object_get(seen, "groups"), i)) != 65534)
            return "the command has supplementary groups";
    static const char *const sets[] = {"inh", "prm", "eff", "amb"};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        const json_t *caps = json_object_get(seen, "caps");
        const char *set = json_string_value(json_object_get(caps, sets[i]));
        if (set == NULL || strspn(set, "0") != strlen(set)) {
            snprintf(buffer, 256, "caps.%s is %.64s", sets[i], set == NULL ? "not told" : set);
            return buffer;
        }
    }
    return NULL;
}

static const char *has_no_descriptors(const json_t *seen, char buffer[256])
{
    const json_t *fds = json_object_get(seen, "fds");
    if (!json_is_array(fds))
        return "the command does not tell its descriptors";
    if (json_array_size(fds) == 0)
        return NULL;
    snprintf(buffer, 256, "the command has descriptor %lld",
             (long long)json_integer_value(json_array_get(fds, 0)));
    return buffer;
}

static const char *is_filtered(const json_t *seen, char buffer[256])
{
    const char *mkdir_result = json_string_value(json_object_get(seen, "mkdir"));
    const char *uname_result = json_string_value(json_object_get(seen, "uname"));
    snprintf(buffer, 256, "mkdir gives %.32s, uname gives %.32s",
             mkdir_result == NULL ? "nothing" : mkdir_result,
             uname_result == NULL ? "nothing" : uname_result);
    bool filtered = mkdir_result != NULL && strcmp(mkdir_result, "EPERM") == 0;
    bool rest = uname_result != NULL && strcmp(uname_result, "ok") == 0;
    return filtered && rest ? NULL : buffer;
}

/* {"udp stub":"REFUSED", …}: the stub and port 53, over UDP and TCP, and no record anywhere. */
static const char *all_refused(const json_t *seen, char buffer[256])
{
    const char *where;
    json_t *answer;
    if (json_object_size(seen) != 4)
        return "the command did not ask the stub and port 53, each over UDP and TCP";
    json_object_foreach ((json_t *)seen, where, answer) {
        const char *said = json_string_value(answer);
        if (said == NULL || strcmp(said, "REFUSED") != 0) {
            snprintf(buffer, 256, "asked over %.64s, the answer is %.64s", where,
                     said == NULL ? "not told" : said);
            return buffer;
        }
    }
    return NULL;
}

/* {"oddity":"response","said":"silence"}: what the stub says to a message that is no plain query.
 */
static const char *answer_is_proper(const json_t *seen, char buffer[256])
{
    static const char *const proper[][2] = {{"response", "silence"},
                                            {"options", "REFUSED"},
                                            {"empty", "FORMERR"},
                                            {"two", "FORMERR"},
                                            {"held", "REFUSED"}};
    const char *oddity = json_string_value(json_object_get(seen, "oddity"));
    const char *said = json_string_value(json_object_get(seen, "said"));
    for (size_t i = 0; i < sizeof proper / sizeof proper[0]; i++)
        if (strcmp(proper[i][0], oddity) == 0 && said != NULL && strcmp(said, proper[i][1]) == 0)
            return NULL;
    snprintf(buffer, 256, "what the stub says to `%.16s` is: %.64s", oddity,
             said == NULL ? "not told" : said);
    return buffer;
}

static void by_rule(struct cf_finding *finding, cf_rule *rule)
{
    json_t *bare = cf_compare_output(finding, CF_CONTROL, 0);
    json_t *confined = cf_compare_output(finding, CF_SUBJECT, 0);
    cf_compare_rule(
        finding, bare, confined, rule,
        json_integer_value(json_object_get(cf_compare_run(finding, CF_SUBJECT, 0), "seq")));
    release(bare, confined);
}

static void sandbox_user(struct cf_finding *finding)
{
    by_rule(finding, is_sandbox_user);
}

static void descriptors(struct cf_finding *finding)
{
    by_rule(finding, has_no_descriptors);
}

static void seccomp(struct cf_finding *finding)
{
    by_rule(finding, is_filtered);
}

static void dns_stub(struct cf_finding *finding)
{
    by_rule(finding, all_refused);
}

/* {"response":"silence", …}: the row's word says which of them is looked at. To a response
 * everybody is silent: bare, the same message without that flag must be answered, or silence shows
 * nothing. */
static json_t *answer_to(const struct cf_finding *finding, enum cf_leg leg)
{
    const char *oddity = cf_compare_word(finding);
    bool flagless = leg == CF_CONTROL && strcmp(oddity, "response") == 0;
    json_t *seen = cf_compare_output(finding, leg, 0);
    json_t *one = seen == NULL ? NULL
                               : json_pack("{ss sO*}", "oddity", oddity, "said",
                                           json_object_get(seen, flagless ? "none" : oddity));
    json_decref(seen);
    return one;
}

static void answers(struct cf_finding *finding)
{
    json_t *bare = answer_to(finding, CF_CONTROL), *confined = answer_to(finding, CF_SUBJECT);
    cf_compare_rule(
        finding, bare, confined, answer_is_proper,
        json_integer_value(json_object_get(cf_compare_run(finding, CF_SUBJECT, 0), "seq")));
    release(bare, confined);
}

static const char *umask_is_usual(const json_t *seen, char buffer[256])
{
    const char *mask = json_string_value(json_object_get(seen, "umask"));
    snprintf(buffer, 256, "umask is %.16s, the caller's", mask == NULL ? "not told" : mask);
    return mask != NULL && strcmp(mask, "0022") == 0 ? NULL : buffer;
}

static const char *has_no_new_privileges(const json_t *seen, char buffer[256])
{
    (void)buffer;
    return json_integer_value(json_object_get(seen, "no_new_privs")) == 1
               ? NULL
               : "a program with a set-user-id bit would get more rights than the command";
}

static void usual_umask(struct cf_finding *finding)
{
    by_rule(finding, umask_is_usual);
}

static void no_new_privileges(struct cf_finding *finding)
{
    by_rule(finding, has_no_new_privileges);
}

const struct cf_check cf_envelope_checks[] = {
    {"field", field},
    {"environment", environment},
    {"host-user", host_user},
    {"sandbox-user", sandbox_user},
    {"descriptors", descriptors},
    {"seccomp", seccomp},
    {"dns-stub", dns_stub},
    {"answers", answers},
    {"usual-umask", usual_umask},
    {"no-new-privileges", no_new_privileges},
    {NULL, NULL},
};
