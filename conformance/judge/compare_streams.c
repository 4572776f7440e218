/* compare_streams.c - stdio, signals, exit status: the same command bare and confined. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/compare.h"

/* Whether every bare run ended as its case says it must: a control that ended otherwise shows
 * nothing. */
static bool control_ended_well(const struct cf_finding *finding, const struct cf_case_run *runs,
                               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *run = cf_compare_run(finding, CF_CONTROL, (int)i);
        if (json_integer_value(json_object_get(run, "exit")) != runs[i].exit)
            return false;
    }
    return count > 0;
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

/* The legs of a case; how many runs it has, 0 when the bare ones show nothing. */
static int case_legs(struct cf_finding *finding)
{
    struct cf_case_run runs[CF_CASE_RUNS];
    size_t count = cf_case_runs(finding->row->attempt, cf_finding_scale(finding), runs);
    bool ok = control_ended_well(finding, runs, count);
    cf_compare_legs(finding, (int)count, ok,
                    ok ? "the bare command ends as it must" : "the bare command ends otherwise");
    return ok ? (int)count : 0;
}

static void same_in(struct cf_finding *finding, bool own_words)
{
    int runs = case_legs(finding);
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
    if (confined != NULL && json_integer_value(json_object_get(confined, "exit")) != 0)
        cf_compare_mismatch(finding, 0, "the daemon's parent ended with status %d confined",
                            (int)json_integer_value(json_object_get(confined, "exit")));
}

const struct cf_check cf_stream_checks[] = {
    {"same", same},
    {"same-but-words", same_but_words},
    {"daemon-gone", daemon_gone},
    {NULL, NULL},
};
