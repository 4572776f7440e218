/* refuse.c - launches that must not happen: the command never runs, and that is said, in time. */
#include <string.h>

#include "judge/judge.h"
#include "scenarios/bounds.h"

enum { LAUNCHER_REFUSED = 125 };

/* The same launch without the fault spawned its runner, and the recorder saw it. */
static void recorded_control(struct cf_finding *finding)
{
    char file[256];
    json_t *baseline =
        cf_evidence_harness(finding->evidence, CF_CONTROL, "baseline", "by", "recorder");
    bool spawned = json_is_true(json_object_get(baseline, "spawned"));
    cf_finding_leg(
        finding, "control", spawned, cf_finding_file(finding, CF_CONTROL, "harness", file),
        json_integer_value(json_object_get(baseline, "seq")),
        "the same launch without the fault %s its runner", spawned ? "spawned" : "did not spawn");
}

/* The same launch without the fault ran: its marker is on stdout and went through the sidecar. */
static void control(struct cf_finding *finding, const char *by)
{
    json_t *baseline = cf_evidence_harness(finding->evidence, CF_CONTROL, "baseline", "by", by);
    const char *nonce = json_string_value(json_object_get(baseline, "nonce"));
    const char *printed = json_string_value(json_object_get(baseline, "stdout"));
    struct cf_mediated seen = {0};
    if (nonce != NULL)
        seen = cf_judge_mediated(finding, CF_CONTROL, nonce);
    bool ran = nonce != NULL && printed != NULL && strstr(printed, nonce) != NULL &&
               json_integer_value(json_object_get(baseline, "exit")) == 0;
    cf_finding_leg(finding, "control", ran && seen.requests == 1 && seen.arrivals == 1,
                   seen.requests > 0 ? seen.file : NULL, seen.seq,
                   "the same launch without the fault %s; its request was seen %u times",
                   ran ? "ran" : "did not run", seen.requests);
}

/* Of a launcher 125 is "refused", and nothing else may stand for it: one that crashes has judged
 * nothing. A runner may have a status of its own. */
static void refused(struct cf_finding *finding, const json_t *refusal, const char *file)
{
    json_int_t seq = json_integer_value(json_object_get(refusal, "seq"));
    json_int_t code = json_integer_value(json_object_get(refusal, "exit"));
    const char *printed = json_string_value(json_object_get(refusal, "stdout"));
    const char *said = json_string_value(json_object_get(refusal, "stderr"));
    const char *names = json_string_value(json_object_get(refusal, "names"));
    const char *by = json_string_value(json_object_get(refusal, "by"));
    const char *nonce = cf_finding_nonce(finding, CF_SUBJECT);
    if (printed != NULL && strstr(printed, nonce) != NULL)
        cf_finding_violation(finding, file, seq, "the command ran: its marker is on stdout");
    if (json_is_true(json_object_get(refusal, "spawned")))
        cf_finding_violation(finding, file, seq, "the launcher spawned its runner all the same");
    if (code == 0)
        cf_finding_violation(finding, file, seq, "the launch ended with status 0");
    if (by != NULL && strcmp(by, "recorder") == 0 && code > 0 && code != LAUNCHER_REFUSED)
        cf_finding_violation(finding, file, seq, "the launcher ended with status %d, not %d",
                             (int)code, LAUNCHER_REFUSED);
    if (json_is_true(json_object_get(refusal, "timed_out")))
        cf_finding_violation(finding, file, seq, "nothing was refused within %d ms", CF_REFUSAL_MS);
    if (code > 0 && (said == NULL || said[0] == '\0'))
        cf_finding_violation(finding, file, seq, "the refusal gives no reason on stderr");
    if (code > 0 && names != NULL && said != NULL && strstr(said, names) == NULL)
        cf_finding_violation(finding, file, seq, "the reason does not name the %s", names);
    if (json_array_size(json_object_get(refusal, "survivors")) > 0)
        cf_finding_violation(finding, file, seq, "a process outlived the refusal");
}

void cf_judge_refuse(struct cf_finding *finding)
{
    char file[256];
    const json_t *refusal =
        cf_evidence_harness(finding->evidence, CF_SUBJECT, "refusal", "row", finding->row->id);
    const char *by = json_string_value(json_object_get(refusal, "by"));
    cf_finding_file(finding, CF_SUBJECT, "harness", file);
    if (by != NULL && strcmp(by, "recorder") == 0)
        recorded_control(finding);
    else
        control(finding, by == NULL ? "launcher" : by);
    cf_finding_leg(finding, "attempt", refusal != NULL, file,
                   json_integer_value(json_object_get(refusal, "seq")),
                   refusal == NULL ? "the launch with the fault was not made"
                                   : "the launch with the fault ended with status %d",
                   (int)json_integer_value(json_object_get(refusal, "exit")));
    if (refusal != NULL)
        refused(finding, refusal, file);
    cf_judge_leaks(finding, cf_finding_nonce(finding, CF_SUBJECT));
    cf_judge_frames(finding);
    cf_judge_upstream(finding);
    cf_judge_health(finding);
}
