#include "judge/compare.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"

json_t *cf_compare_run(const struct cf_finding *finding, enum cf_leg leg, int index)
{
    size_t at;
    json_t *record;
    json_array_foreach (cf_evidence_log(finding->evidence, leg, "harness"), at, record) {
        const char *event = json_string_value(json_object_get(record, "event"));
        const char *name = json_string_value(json_object_get(record, "case"));
        if (event != NULL && name != NULL && strcmp(event, "run") == 0 &&
            cf_case_same(finding->row->attempt, name) &&
            json_integer_value(json_object_get(record, "index")) == index)
            return record;
    }
    return NULL;
}

json_t *cf_compare_output(const struct cf_finding *finding, enum cf_leg leg, int index)
{
    const char *escaped =
        json_string_value(json_object_get(cf_compare_run(finding, leg, index), "stdout"));
    size_t length = 0;
    char *text = escaped == NULL ? NULL : (char *)cf_unescape(escaped, &length);
    json_t *value = text == NULL ? NULL : json_loadb(text, length, 0, NULL);
    free(text);
    return value;
}

static json_int_t sequence(const struct cf_finding *finding, enum cf_leg leg, int index)
{
    return json_integer_value(json_object_get(cf_compare_run(finding, leg, index), "seq"));
}

void cf_compare_mismatch(struct cf_finding *finding, int index, const char *format, ...)
{
    char file[256], text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cf_finding_violation(finding, cf_finding_file(finding, CF_SUBJECT, "harness", file),
                         sequence(finding, CF_SUBJECT, index), "%s", text);
}

/* Every run of a leg was made and came to its own end. */
static bool complete(const struct cf_finding *finding, enum cf_leg leg, int runs)
{
    for (int i = 0; i < runs; i++) {
        const json_t *run = cf_compare_run(finding, leg, i);
        if (run == NULL || json_is_true(json_object_get(run, "timed_out")) ||
            json_is_string(json_object_get(run, "stuck")))
            return false;
    }
    return runs > 0;
}

void cf_compare_legs(struct cf_finding *finding, int runs, bool control_ok, const char *control)
{
    char file[256];
    bool bare = complete(finding, CF_CONTROL, runs), made = true;
    for (int i = 0; i < runs; i++)
        made = made && cf_compare_run(finding, CF_SUBJECT, i) != NULL;
    cf_finding_leg(finding, "control", bare && control_ok,
                   cf_finding_file(finding, CF_CONTROL, "harness", file),
                   sequence(finding, CF_CONTROL, 0), "%s",
                   !bare ? "the bare command did not run to its end" : control);
    cf_finding_leg(finding, "attempt", made && runs > 0,
                   cf_finding_file(finding, CF_SUBJECT, "harness", file),
                   sequence(finding, CF_SUBJECT, 0),
                   made ? "the confined command ran" : "the confined command was not run");
    for (int i = 0; i < runs && bare; i++) {
        const json_t *run = cf_compare_run(finding, CF_SUBJECT, i);
        const char *stuck = json_string_value(json_object_get(run, "stuck"));
        if (stuck != NULL)
            cf_compare_mismatch(finding, i, "confined, run %d never got past %s", i, stuck);
        else if (json_is_true(json_object_get(run, "timed_out")))
            cf_compare_mismatch(finding, i, "confined, run %d never ended", i);
    }
}

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

int cf_compare_case(struct cf_finding *finding)
{
    struct cf_case_run runs[CF_CASE_RUNS];
    size_t count = cf_case_runs(finding->row->attempt, cf_finding_scale(finding), runs);
    bool ok = control_ended_well(finding, runs, count);
    cf_compare_legs(finding, (int)count, ok,
                    ok ? "the bare command ends as it must" : "the bare command ends otherwise");
    return ok ? (int)count : 0;
}

void cf_compare_rule(struct cf_finding *finding, const json_t *control, const json_t *subject,
                     cf_rule *rule, json_int_t seq)
{
    char broken[256] = "", kept[256] = "", file[256];
    const char *breach = control == NULL ? NULL : rule(control, broken);
    cf_finding_leg(finding, "control", breach != NULL,
                   cf_finding_file(finding, CF_CONTROL, "harness", file), 0, "%s%s",
                   control == NULL  ? "the bare run left nothing to check"
                   : breach == NULL ? "the bare run keeps the rule, so the check is blind"
                                    : "the bare run breaks the rule, as it must: ",
                   breach == NULL ? "" : breach);
    breach = subject == NULL ? NULL : rule(subject, kept);
    cf_finding_leg(
        finding, "attempt", subject != NULL, cf_finding_file(finding, CF_SUBJECT, "harness", file),
        0, "%s", subject == NULL ? "the subject left nothing to check" : "the subject was checked");
    if (breach != NULL)
        cf_finding_violation(finding, file, seq, "%s", breach);
}

/* The word behind the case's name says what to look at; without one, the case's name does, and a
 * case without a check of its own must be the same bare and confined. */
static void check_name(const struct cf_finding *finding, char name[64])
{
    const char *attempt = finding->row->attempt;
    size_t first = strcspn(attempt, " ");
    const char *second = attempt + first + strspn(attempt + first, " ");
    if (*second != '\0')
        snprintf(name, 64, "%.*s", (int)strcspn(second, " "), second);
    else
        snprintf(name, 64, "%.*s", (int)first, attempt);
}

const char *cf_compare_word(const struct cf_finding *finding)
{
    const char *at = strchr(finding->row->attempt, ' ');
    at = at == NULL ? NULL : strchr(at + 1, ' ');
    return at == NULL ? "" : at + 1;
}

static const struct cf_check *find_check(const char *name)
{
    const struct cf_check *const lists[] = {
        cf_stream_checks,   cf_envelope_checks, cf_mediated_checks, cf_program_checks,
        cf_contract_checks, cf_end_checks,      cf_inbound_checks,  cf_trap_checks};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (const struct cf_check *check = lists[i]; check->name != NULL; check++)
            if (strcmp(check->name, name) == 0)
                return check;
    return NULL;
}

void cf_judge_compare(struct cf_finding *finding)
{
    char name[64];
    check_name(finding, name);
    const struct cf_check *check = find_check(name);
    if (check == NULL && strchr(finding->row->attempt, ' ') == NULL)
        check = find_check("same");
    if (check == NULL) {
        cf_finding_leg(finding, "attempt", false, NULL, 0, "no check is called %s", name);
        return;
    }
    check->run(finding);
    cf_judge_frames(finding);
    cf_judge_upstream(finding);
    cf_judge_health(finding);
}
