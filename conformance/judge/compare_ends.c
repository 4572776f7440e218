/* compare_ends.c - how a run ends and what it leaves: told by streams, statuses, survivors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "judge/compare.h"

enum { HELD_BACK_MIB = 16 };

static const char *text_of(const json_t *run, const char *key)
{
    const char *text = json_string_value(json_object_get(run, key));
    return text == NULL ? "" : text;
}

static json_int_t number_of(const json_t *run, const char *key)
{
    const json_t *value = json_object_get(run, key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* Whether run INDEX of the confined leg came to an end of its own: else it was said already. */
static bool ended(const json_t *run)
{
    return run != NULL && !json_is_string(json_object_get(run, "stuck")) &&
           !json_is_true(json_object_get(run, "timed_out"));
}

/* ---- a rule that the bare run must break ---- */

static void by_rule(struct cf_finding *finding, cf_rule *rule)
{
    const json_t *confined = cf_compare_run(finding, CF_SUBJECT, 0);
    int runs = cf_compare_case(finding);
    if (runs > 0 && ended(confined))
        cf_compare_rule(finding, cf_compare_run(finding, CF_CONTROL, 0), confined, rule,
                        number_of(confined, "seq"));
}

static const char *is_killed(const json_t *run, char buffer[256])
{
    json_int_t code = number_of(run, "exit");
    snprintf(buffer, 256, "the run ended with %d, not by SIGKILL", (int)code);
    if (code != 137)
        return buffer;
    return json_array_size(json_object_get(run, "survivors")) == 0 ? NULL
                                                                   : "processes outlived the run";
}

static const char *leaves_nobody(const json_t *run, char buffer[256])
{
    size_t count = json_array_size(json_object_get(run, "survivors"));
    if (json_is_true(json_object_get(run, "held_open")))
        return "somebody held a stream open after the run's end";
    snprintf(buffer, 256, "%zu processes outlived the run", count);
    return count == 0 ? NULL : buffer;
}

static const char *mode_is_restored(const json_t *run, char buffer[256])
{
    char before[64], after[64];
    const char *told = strstr(text_of(run, "stdout"), "before ");
    const char *later = strstr(text_of(run, "stdout"), "after ");
    if (told == NULL || later == NULL || sscanf(told, "before %63[0-9a-f.]", before) != 1 ||
        sscanf(later, "after %63[0-9a-f.]", after) != 1)
        return "the terminal's mode was not told before and after";
    if (strcmp(before, after) == 0)
        return NULL;
    snprintf(buffer, 256, "the terminal was left in mode %.60s, not %.60s", after, before);
    return buffer;
}

/* Only what the shell read shows; the nonce itself may stand in the echo of anything. */
static const char *nothing_is_typed(const json_t *run, char buffer[256])
{
    const char *got = strstr(text_of(run, "stdout"), "got ");
    if (got == NULL)
        return "the shell did not tell what it read";
    size_t length = strspn(got + 4, "0123456789abcdef");
    snprintf(buffer, 256, "the caller's shell read what the command had typed: %.32s", got + 4);
    return length == 0 ? NULL : buffer;
}

static void killed(struct cf_finding *finding)
{
    by_rule(finding, is_killed);
}

static void nobody(struct cf_finding *finding)
{
    by_rule(finding, leaves_nobody);
}

static void restored(struct cf_finding *finding)
{
    by_rule(finding, mode_is_restored);
}

static void untyped(struct cf_finding *finding)
{
    by_rule(finding, nothing_is_typed);
}

/* ---- looser or other than "the same" ---- */

/* 126 or 127: shells do not agree which it is when an interpreter is missing. */
static void unrunnable(struct cf_finding *finding)
{
    int runs = cf_compare_case(finding);
    for (int i = 0; i < runs; i++) {
        const json_t *run = cf_compare_run(finding, CF_SUBJECT, i);
        json_int_t code = number_of(run, "exit");
        if (ended(run) && code != 126 && code != 127)
            cf_compare_mismatch(finding, i, "run %d, which cannot be run, ended with %d", i,
                                (int)code);
    }
}

static void exit_only(struct cf_finding *finding)
{
    int runs = cf_compare_case(finding);
    for (int i = 0; i < runs; i++) {
        const json_t *run = cf_compare_run(finding, CF_SUBJECT, i);
        json_int_t had = number_of(cf_compare_run(finding, CF_CONTROL, i), "exit");
        if (ended(run) && number_of(run, "exit") != had)
            cf_compare_mismatch(finding, i, "run %d ends with %d bare and with %d confined", i,
                                (int)had, (int)number_of(run, "exit"));
    }
}

/* A descriptor that was closed is nobody's: what would have gone there turns up nowhere else. */
static void streams_only(struct cf_finding *finding)
{
    static const char *const keys[] = {"stdout_sha256", "stderr_sha256"};
    int runs = cf_compare_case(finding);
    for (int i = 0; i < runs; i++) {
        const json_t *bare = cf_compare_run(finding, CF_CONTROL, i);
        const json_t *run = cf_compare_run(finding, CF_SUBJECT, i);
        for (int k = 0; k < 2; k++)
            if (ended(run) && strcmp(text_of(bare, keys[k]), text_of(run, keys[k])) != 0)
                cf_compare_mismatch(finding, i, "run %d: %.6s is not what it is bare", i, keys[k]);
    }
}

static int count_lines(const json_t *run, const char *name)
{
    const char *text = text_of(run, "stdout");
    char line[32];
    int count = 0;
    snprintf(line, sizeof line, "%s ", name);
    /* Escaped: a line's end is \x0a. */
    for (const char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line))
        count += at == text || (at - text >= 4 && strncmp(at - 4, "\\x0a", 4) == 0);
    return count;
}

/* One signal of a run that many were sent to. */
static void arrives(struct cf_finding *finding)
{
    const char *name = cf_compare_word(finding);
    const json_t *run = cf_compare_run(finding, CF_SUBJECT, 0);
    int had = count_lines(cf_compare_run(finding, CF_CONTROL, 0), name);
    cf_compare_legs(finding, 1, had == 1, "the bare command got the signal once");
    int has = count_lines(run, name);
    if (ended(run) && has != 1)
        cf_compare_mismatch(finding, 0, "SIG%s was sent once and arrived %d times", name, has);
}

/* What was taken while nobody read is bounded, and nothing of it is lost. */
static void bounded(struct cf_finding *finding)
{
    int runs = cf_compare_case(finding);
    const json_t *bare = cf_compare_run(finding, CF_CONTROL, 0);
    const json_t *run = cf_compare_run(finding, CF_SUBJECT, 0);
    json_int_t taken = number_of(json_array_get(json_object_get(run, "marks"), 0), "stderr");
    if (runs == 0 || !ended(run))
        return;
    if (taken > HELD_BACK_MIB)
        cf_compare_mismatch(finding, 0, "%lld MiB were taken from the command while nobody read",
                            (long long)taken);
    if (strcmp(text_of(bare, "stdout_sha256"), text_of(run, "stdout_sha256")) != 0)
        cf_compare_mismatch(finding, 0, "%lld bytes came, not the %lld of the bare run",
                            (long long)number_of(run, "stdout_bytes"),
                            (long long)number_of(bare, "stdout_bytes"));
}

/* ---- the status descriptor ---- */

/* The last line said there, as JSON; NULL when nothing was. New reference. */
static json_t *last_status(const json_t *run)
{
    size_t length = 0;
    char *text = (char *)cf_unescape(text_of(run, "status"), &length), *state = NULL;
    json_t *last = NULL;
    for (char *line = text == NULL ? NULL : strtok_r(text, "\n", &state); line != NULL;
         line = strtok_r(NULL, "\n", &state)) {
        json_decref(last);
        last = json_loads(line, 0, NULL);
    }
    free(text);
    return last;
}

static void told(struct cf_finding *finding, const char *by)
{
    int runs = cf_compare_case(finding);
    for (int i = 0; i < runs; i++) {
        const json_t *run = cf_compare_run(finding, CF_SUBJECT, i);
        json_int_t had = number_of(cf_compare_run(finding, CF_CONTROL, i), "exit");
        json_t *status = ended(run) ? last_status(run) : NULL;
        if (ended(run) && number_of(run, "exit") != had)
            cf_compare_mismatch(finding, i, "run %d ends with %d bare and with %d confined", i,
                                (int)had, (int)number_of(run, "exit"));
        if (ended(run) &&
            (strcmp(text_of(status, "by"), by) != 0 || number_of(status, "code") != had))
            cf_compare_mismatch(finding, i, "run %d: the status says %d by %.32s, not %d by %s", i,
                                (int)number_of(status, "code"),
                                status == NULL ? "nobody" : text_of(status, "by"), (int)had, by);
        json_decref(status);
    }
}

static void told_by_command(struct cf_finding *finding)
{
    told(finding, "command");
}

static void told_by_launcher(struct cf_finding *finding)
{
    told(finding, "launcher");
}

const struct cf_check cf_end_checks[] = {
    {"killed", killed},
    {"nobody-left", nobody},
    {"mode-restored", restored},
    {"untyped", untyped},
    {"unrunnable", unrunnable},
    {"exit-only", exit_only},
    {"streams-only", streams_only},
    {"arrives", arrives},
    {"bounded", bounded},
    {"told-by-command", told_by_command},
    {"told-by-launcher", told_by_launcher},
    {NULL, NULL},
};
