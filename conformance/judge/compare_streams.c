/* compare_streams.c - stdio, signals, exit status: the same command bare and confined. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/compare.h"

/* What each case's runs must end with when bare: a control that ends otherwise shows nothing. */
static const struct expected {
    const char *name;
    const char *exits;
    bool own_words; /* stderr is not the command's own, so it is not compared */
} expected[] = {
    {"exit-42", "42", false},
    {"exit-sweep", "0 1 2 125 126 127 128 130 255", false},
    {"signal-death", "143 137 134 139", false},
    {"missing-command", "127 126", true},
    {"streams-apart", "0", false},
    {"bytes", "0", false},
    {"echo", "0", false},
    {"stdin-eof", "0", false},
    {"daemon-gone", "0", false},
    {"sigint", "130", false},
    {"sigterm-trap", "7", false},
    {"signals-once", "0", false},
    {"ctrl-c", "0", false},
    {"window-size", "0", false},
};

static const struct expected *expectation(const struct cf_finding *finding)
{
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (strcmp(expected[i].name, finding->row->attempt) == 0)
            return &expected[i];
    return NULL;
}

/* How many statuses are expected, and whether the bare runs had them. */
static int check_control(const struct cf_finding *finding, const struct expected *wanted, bool *ok)
{
    int runs = 0;
    char *end;
    *ok = true;
    for (const char *at = wanted->exits; *at != '\0'; at = end, runs++) {
        long code = strtol(at, &end, 10);
        const json_t *run = cf_compare_run(finding, CF_CONTROL, runs);
        *ok = *ok && json_integer_value(json_object_get(run, "exit")) == code;
    }
    return runs;
}

static void compare_text(struct cf_finding *finding, int index, const char *stream)
{
    char bytes[32], digest[32];
    const json_t *bare = cf_compare_run(finding, CF_CONTROL, index);
    const json_t *confined = cf_compare_run(finding, CF_SUBJECT, index);
    snprintf(bytes, sizeof bytes, "%s_bytes", stream);
    snprintf(digest, sizeof digest, "%s_sha256", stream);
    json_int_t had = json_integer_value(json_object_get(bare, bytes));
    json_int_t has = json_integer_value(json_object_get(confined, bytes));
    if (had != has)
        cf_compare_mismatch(finding, index, "run %d: %s has %lld bytes bare and %lld confined",
                            index, stream, (long long)had, (long long)has);
    else if (!json_equal(json_object_get(bare, digest), json_object_get(confined, digest)))
        cf_compare_mismatch(finding, index, "run %d: %s has other bytes confined than bare", index,
                            stream);
}

static void compare_run(struct cf_finding *finding, int index, bool own_words)
{
    const json_t *bare = cf_compare_run(finding, CF_CONTROL, index);
    const json_t *confined = cf_compare_run(finding, CF_SUBJECT, index);
    if (bare == NULL || confined == NULL || json_is_string(json_object_get(confined, "stuck")) ||
        json_is_true(json_object_get(confined, "timed_out")))
        return; /* said already */
    json_int_t had = json_integer_value(json_object_get(bare, "exit"));
    json_int_t has = json_integer_value(json_object_get(confined, "exit"));
    if (had != has)
        cf_compare_mismatch(finding, index, "run %d ends with %d bare and with %d confined", index,
                            (int)had, (int)has);
    compare_text(finding, index, "stdout");
    if (!own_words)
        compare_text(finding, index, "stderr");
}

static void same(struct cf_finding *finding)
{
    const struct expected *wanted = expectation(finding);
    bool ok = false;
    int runs = check_control(finding, wanted, &ok);
    cf_compare_legs(finding, runs, ok,
                    ok ? "the bare command ends as it must" : "the bare command ends otherwise");
    for (int i = 0; i < runs && ok; i++)
        compare_run(finding, i, wanted->own_words);
}

static const char *no_survivor(const json_t *run, char buffer[256])
{
    size_t count = json_array_size(json_object_get(run, "survivors"));
    snprintf(buffer, 256, "%zu processes outlived the run", count);
    return count == 0 ? NULL : buffer;
}

static void daemon_gone(struct cf_finding *finding)
{
    const json_t *confined = cf_compare_run(finding, CF_SUBJECT, 0);
    cf_compare_rule(finding, cf_compare_run(finding, CF_CONTROL, 0), confined, no_survivor,
                    json_integer_value(json_object_get(confined, "seq")));
    if (confined != NULL && json_integer_value(json_object_get(confined, "exit")) != 0)
        cf_compare_mismatch(finding, 0, "the daemon's parent ended with status %d confined",
                            (int)json_integer_value(json_object_get(confined, "exit")));
}

const struct cf_check cf_stream_checks[] = {
    {"exit-42", same},
    {"exit-sweep", same},
    {"signal-death", same},
    {"missing-command", same},
    {"streams-apart", same},
    {"bytes", same},
    {"echo", same},
    {"stdin-eof", same},
    {"sigint", same},
    {"sigterm-trap", same},
    {"signals-once", same},
    {"ctrl-c", same},
    {"window-size", same},
    {"daemon-gone", daemon_gone},
    {NULL, NULL},
};
