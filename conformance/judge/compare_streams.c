/* compare_streams.c - stdio, signals, exit status: the same command bare and confined. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/compare.h"

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

static void same_in(struct cf_finding *finding, bool own_words)
{
    int runs = cf_compare_case(finding);
    for (int i = 0; i < runs; i++)
        compare_run(finding, i, own_words);
}

static void same(struct cf_finding *finding)
{
    same_in(finding, false);
}

/* stderr is the launcher's or the runner's, not the command's, so it is not compared. */
static void same_but_words(struct cf_finding *finding)
{
    same_in(finding, true);
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
    if (json_is_true(json_object_get(confined, "timed_out")))
        cf_compare_mismatch(finding, 0, "confined, the run never ended: the daemon kept it going");
    else if (confined != NULL && json_integer_value(json_object_get(confined, "exit")) != 0)
        cf_compare_mismatch(finding, 0, "the daemon's parent ended with status %d confined",
                            (int)json_integer_value(json_object_get(confined, "exit")));
}

const struct cf_check cf_stream_checks[] = {
    {"same", same},
    {"same-but-words", same_but_words},
    {"daemon-gone", daemon_gone},
    {NULL, NULL},
};
