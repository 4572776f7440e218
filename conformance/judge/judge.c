#include "judge/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static json_t *say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static json_t *say(const char *format, va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    json_t *value = json_string(text);
    return value != NULL ? value : json_string("(not UTF-8)");
}

void cf_finding_leg(struct cf_finding *finding, const char *name, bool ok, const char *file,
                    json_int_t seq, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_t *detail = say(format, args);
    va_end(args);
    json_t *references = json_array();
    if (file != NULL)
        json_array_append_new(references, json_pack("{sssI}", "file", file, "seq", seq));
    json_array_append_new(finding->legs, json_pack("{sssbsoso}", "name", name, "ok", ok, "detail",
                                                   detail, "evidence", references));
}

void cf_finding_violation(struct cf_finding *finding, const char *file, json_int_t seq,
                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_t *what = say(format, args);
    va_end(args);
    json_array_append_new(finding->violations,
                          json_pack("{sssIso}", "file", file, "seq", seq, "what", what));
}

const char *cf_finding_file(const struct cf_finding *finding, enum cf_leg leg, const char *observer,
                            char buffer[256])
{
    snprintf(buffer, 256, "%.120s/%s/%.60s.jsonl", finding->evidence->directory, cf_leg_name(leg),
             observer);
    return buffer;
}

const char *cf_finding_nonce(const struct cf_finding *finding, enum cf_leg leg)
{
    const char *key = leg == CF_CONTROL ? "control" : "attempt";
    const char *nonce = json_string_value(json_object_get(finding->plan, key));
    return nonce == NULL ? "" : nonce;
}

enum cf_scale cf_finding_scale(const struct cf_finding *finding)
{
    const json_t *subject = json_object_get(finding->evidence->launch, "subject");
    const char *name = json_string_value(json_object_get(subject, "scale"));
    enum cf_scale scale = CF_FULL;
    if (name != NULL)
        cf_scale_named(name, &scale);
    return scale;
}

void cf_judge_health(struct cf_finding *finding)
{
    for (int leg = 0; leg < CF_LEG_COUNT; leg++) {
        const char *problem = finding->evidence->legs[leg].problem;
        if (problem[0] != '\0') {
            cf_finding_leg(finding, "health", false, NULL, 0, "%s", problem);
            return;
        }
    }
    cf_finding_leg(finding, "health", true, NULL, 0,
                   "every observer heard its heartbeats before and after, and dropped nothing");
}

static json_t *describe(const struct cf_row *row)
{
    return json_pack("{ssssssssssssssssss}", "id", row->id, "level", cf_level_name(row->level),
                     "group", cf_row_group(row), "invariant", cf_invariant_name(row->invariant),
                     "subject", cf_subject_name(row->subject), "kind", cf_kind_name(row->kind),
                     "launch", row->launch, "statement", row->statement, "source", row->source);
}

static json_t *conclude(const struct cf_row *row, const char *verdict, const char *reason,
                        json_t *legs, json_t *violations)
{
    json_t *result = describe(row);
    json_object_set_new(result, "verdict", json_string(verdict));
    json_object_set_new(result, "reason", json_string(reason));
    json_object_set_new(result, "legs", legs == NULL ? json_array() : legs);
    json_object_set_new(result, "violations", violations == NULL ? json_array() : violations);
    return result;
}

json_t *cf_judge_not_applicable(const struct cf_row *row, const char *reason)
{
    return conclude(row, "NOT_APPLICABLE", reason, NULL, NULL);
}

json_t *cf_judge_missing(const struct cf_row *row, const char *reason)
{
    return conclude(row, "INCONCLUSIVE", reason, NULL, NULL);
}

static const json_t *plan_of(const struct cf_evidence *evidence, const char *id)
{
    size_t index;
    json_t *planned;
    json_array_foreach (json_object_get(evidence->launch, "rows"), index, planned) {
        const char *is = json_string_value(json_object_get(planned, "id"));
        if (is != NULL && strcmp(is, id) == 0)
            return planned;
    }
    return NULL;
}

/* The leg to name when one does not hold: health first, for what else is missing follows from it.
 */
static const json_t *first_missing(const json_t *legs)
{
    size_t index;
    json_t *leg;
    const json_t *first = NULL;
    json_array_foreach ((json_t *)legs, index, leg) {
        const char *name = json_string_value(json_object_get(leg, "name"));
        if (json_is_true(json_object_get(leg, "ok")))
            continue;
        if (first == NULL || strcmp(name, "health") == 0)
            first = leg;
    }
    return first;
}

/* FAIL beats INCONCLUSIVE beats PASS; see the theory of operation. */
static json_t *weigh(struct cf_finding *finding)
{
    char reason[768];
    const json_t *violation = json_array_get(finding->violations, 0);
    const json_t *missing = first_missing(finding->legs);
    const char *verdict = "PASS";
    snprintf(reason, sizeof reason, "every leg holds and nothing was seen that may not be");
    if (violation != NULL) {
        verdict = "FAIL";
        snprintf(reason, sizeof reason, "%s",
                 json_string_value(json_object_get(violation, "what")));
    } else if (missing != NULL || json_array_size(finding->legs) == 0) {
        verdict = "INCONCLUSIVE";
        snprintf(reason, sizeof reason, "%s: %s",
                 missing == NULL ? "no leg" : json_string_value(json_object_get(missing, "name")),
                 missing == NULL ? "nothing was observed"
                                 : json_string_value(json_object_get(missing, "detail")));
    }
    return conclude(finding->row, verdict, reason, finding->legs, finding->violations);
}

json_t *cf_judge_row(const struct cf_evidence *evidence, const struct cf_row *row)
{
    struct cf_finding finding = {.evidence = evidence, .row = row};
    if (evidence->problem[0] != '\0')
        return cf_judge_missing(row, evidence->problem);
    finding.plan = plan_of(evidence, row->id);
    if (finding.plan == NULL)
        return cf_judge_missing(row, "the launch was not planned with this row");
    finding.legs = json_array();
    finding.violations = json_array();
    switch (row->kind) {
    case CF_deny:
    case CF_outage:
        cf_judge_network(&finding);
        break;
    case CF_refuse:
        cf_judge_refuse(&finding);
        break;
    case CF_compare:
        cf_judge_compare(&finding);
        break;
    }
    return weigh(&finding);
}

json_t *cf_judge_excused(const struct cf_evidence *evidence, const struct cf_row *row,
                         const char *excuse)
{
    json_t *verdict = cf_judge_row(evidence, row);
    const char *is = json_string_value(json_object_get(verdict, "verdict"));
    if (excuse == NULL || (is != NULL && strcmp(is, "FAIL") == 0))
        return verdict;
    json_decref(verdict);
    return cf_judge_not_applicable(row, excuse);
}
