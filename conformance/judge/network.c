/* network.c - deny and outage rows: what must not leave, ever or after a fault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/escape.h"
#include "judge/judge.h"
#include "judge/search.h"

static const char *launch_text(const struct cf_finding *finding, const char *object,
                               const char *key)
{
    const json_t *from = finding->evidence->launch;
    if (object != NULL)
        from = json_object_get(from, object);
    const char *text = json_string_value(json_object_get(from, key));
    return text == NULL ? "" : text;
}

/* ---- control: the same probe unconfined is heard by every observer the row names ---- */

static bool frames_hear(const struct cf_finding *finding, const struct cf_needle *needle,
                        json_int_t *seq)
{
    const struct cf_leg_evidence *leg = &finding->evidence->legs[CF_CONTROL];
    char address[64];
    bool fixed = cf_plan_value(finding->row->attempt, "addr", cf_finding_nonce(finding, CF_CONTROL),
                               address, sizeof address);
    for (size_t i = 0; i < leg->frame_count; i++) {
        const struct cf_frame *frame = &leg->frames[i];
        if (cf_needle_in(needle, frame->bytes, frame->length) ||
            (fixed && strcmp(frame->target, address) == 0)) {
            *seq = frame->number;
            return true;
        }
    }
    return false;
}

/* The log a row's word stands for: "sidecar" is every incarnation of it, "files" the harness's. */
static bool log_is(const char *log, const char *observer, const json_t *record)
{
    const char *event = json_string_value(json_object_get(record, "event"));
    if (strcmp(observer, "sidecar") == 0)
        return strncmp(log, "sidecar-", 8) == 0;
    if (strcmp(observer, "files") == 0)
        return strcmp(log, "harness") == 0 && event != NULL && strcmp(event, "file") == 0;
    return strcmp(log, observer) == 0;
}

static bool records_hear(const struct cf_finding *finding, const json_t *logs, const char *observer,
                         const struct cf_needle *needle, char file[256], json_int_t *seq)
{
    const char *log;
    json_t *records, *record;
    size_t index;
    json_object_foreach ((json_t *)logs, log, records) {
        json_array_foreach (records, index, record) {
            if (log_is(log, observer, record) && cf_needle_in_json(needle, record)) {
                cf_finding_file(finding, CF_CONTROL, log, file);
                *seq = json_integer_value(json_object_get(record, "seq"));
                return true;
            }
        }
    }
    return false;
}

static bool logs_hear(const struct cf_finding *finding, const char *observer,
                      const struct cf_needle *needle, char file[256], json_int_t *seq)
{
    const struct cf_leg_evidence *leg = &finding->evidence->legs[CF_CONTROL];
    return records_hear(finding, leg->logs, observer, needle, file, seq) ||
           records_hear(finding, leg->streams, observer, needle, file, seq);
}

static void control(struct cf_finding *finding)
{
    struct cf_needle *needle = cf_needle_new(cf_finding_nonce(finding, CF_CONTROL));
    char observers[128], file[256] = "", first[256] = "";
    char *state = NULL;
    json_int_t seq = 0, first_seq = 0;
    bool heard = needle != NULL;
    snprintf(observers, sizeof observers, "%s", finding->row->observers);
    for (char *name = strtok_r(observers, " ", &state); name != NULL && heard;
         name = strtok_r(NULL, " ", &state)) {
        if (strcmp(name, "capture") == 0) {
            heard = frames_hear(finding, needle, &seq);
            snprintf(file, sizeof file, "%.200s/control/capture.pcap",
                     finding->evidence->directory);
        } else if (strcmp(name, "guest") == 0) {
            heard = cf_judge_secret(finding, CF_CONTROL, file, &seq);
        } else {
            heard = logs_hear(finding, name, needle, file, &seq);
        }
        if (!heard)
            cf_finding_leg(finding, "control", false, NULL, 0,
                           "the same probe unconfined was not heard by %s", name);
        else if (first[0] == '\0') {
            memcpy(first, file, sizeof first);
            first_seq = seq;
        }
    }
    cf_needle_free(needle);
    if (heard)
        cf_finding_leg(finding, "control", true, first, first_seq,
                       "the same probe unconfined was heard by %s", finding->row->observers);
}

/* ---- live: an allowed request of the same guest went through the sidecar, once ---- */

/* The bytes of receipts that were out before the last request was made. */
static size_t receipts_before(const char *text)
{
    const char *last = strstr(text, "\"event\":\"live-after\"");
    if (last == NULL)
        return strlen(text);
    while (last > text && last[-1] != '\n')
        last--;
    return (size_t)(last - text);
}

/* Whether TARGET's digest is that of the receipts the harness read. */
static bool digest_fits(const struct cf_finding *finding, const char *target)
{
    const json_t *ended = cf_evidence_harness(finding->evidence, CF_SUBJECT, "ended", NULL, NULL);
    const char *escaped = json_string_value(json_object_get(ended, "stdout"));
    size_t length = 0;
    char *text = escaped == NULL ? NULL : (char *)cf_unescape(escaped, &length);
    char digest[65] = "?";
    if (text != NULL)
        cf_digest_bytes(text, receipts_before(text), digest);
    bool fits = text != NULL && target != NULL && strstr(target, digest) != NULL;
    free(text);
    return fits;
}

static void live(struct cf_finding *finding, bool after)
{
    const char *name = after ? "live-after" : "live-before";
    const char *nonce = launch_text(finding, "live", after ? "after" : "before");
    struct cf_mediated seen = cf_judge_mediated(finding, CF_SUBJECT, nonce);
    const char *target = json_string_value(json_object_get(seen.request, "target"));
    if (seen.requests == 0 || seen.arrivals == 0)
        cf_finding_leg(finding, name, false, NULL, 0,
                       "the allowed request did not go through the sidecar (%u seen, %u arrived)",
                       seen.requests, seen.arrivals);
    else if (seen.requests > 1 || seen.arrivals > 1)
        cf_finding_violation(
            finding, seen.file, seen.seq,
            "the allowed request was sent once and seen %u times, arrived %u times", seen.requests,
            seen.arrivals);
    else if (after && !digest_fits(finding, target))
        cf_finding_leg(finding, name, false, seen.file, seen.seq,
                       "the allowed request does not carry the digest of the receipts received");
    else
        cf_finding_leg(finding, name, true, seen.file, seen.seq,
                       "the allowed request went through the sidecar exactly once");
}

static void elsewhere_in(struct cf_finding *finding, const struct cf_needle *needle,
                         const char *observer, const json_t *records)
{
    json_t *record;
    size_t index;
    char file[256];
    json_array_foreach ((json_t *)records, index, record) {
        const char *via = json_string_value(json_object_get(record, "via"));
        if ((via != NULL && strcmp(via, "sidecar") == 0) || !cf_needle_in_json(needle, record))
            continue;
        cf_finding_violation(finding, cf_finding_file(finding, CF_SUBJECT, observer, file),
                             json_integer_value(json_object_get(record, "seq")),
                             "the allowed request took another road: %s", observer);
    }
}

/* A live nonce on any other road than the sidecar's convicts like an attempt's. */
void cf_judge_elsewhere(struct cf_finding *finding, const char *nonce)
{
    const struct cf_leg_evidence *leg = &finding->evidence->legs[CF_SUBJECT];
    struct cf_needle *needle = cf_needle_new(nonce);
    const char *observer;
    json_t *records;
    json_object_foreach (leg->logs, observer, records) {
        bool trusted = strncmp(observer, "sidecar-", 8) == 0 || strcmp(observer, "harness") == 0 ||
                       strcmp(observer, "lab") == 0;
        if (needle == NULL || trusted)
            continue;
        elsewhere_in(finding, needle, observer, records);
        elsewhere_in(finding, needle, observer, json_object_get(leg->streams, observer));
    }
    cf_needle_free(needle);
}

/* ---- attempt: the guest says it tried, with no fewer privileges than the control ---- */

static json_t *receipt(const struct cf_finding *finding, enum cf_leg leg)
{
    const json_t *ended = cf_evidence_harness(finding->evidence, leg, "ended", NULL, NULL);
    const char *escaped = json_string_value(json_object_get(ended, "stdout"));
    const char *nonce = cf_finding_nonce(finding, leg);
    size_t length = 0;
    char *text = escaped == NULL ? NULL : (char *)cf_unescape(escaped, &length), *state = NULL;
    json_t *found = NULL;
    for (char *line = text == NULL ? NULL : strtok_r(text, "\n", &state);
         line != NULL && found == NULL; line = strtok_r(NULL, "\n", &state)) {
        json_t *candidate = json_loads(line, 0, NULL);
        const char *row = json_string_value(json_object_get(candidate, "row"));
        const char *is = json_string_value(json_object_get(candidate, "nonce"));
        if (row != NULL && is != NULL && strcmp(row, finding->row->id) == 0 &&
            strcmp(is, nonce) == 0)
            found = json_incref(candidate);
        json_decref(candidate);
    }
    free(text);
    return found;
}

static unsigned long long capabilities(const json_t *from)
{
    const char *caps = json_string_value(json_object_get(json_object_get(from, "priv"), "caps"));
    return caps == NULL ? 0 : strtoull(caps, NULL, 16);
}

static const char *receipt_defect(const struct cf_finding *finding, const json_t *attempt,
                                  const json_t *bare)
{
    const char *result = json_string_value(json_object_get(attempt, "result"));
    const char *fault = json_string_value(json_object_get(attempt, "fault"));
    if (attempt == NULL)
        return "the guest gave no receipt for it";
    if (result == NULL || strcmp(result, "crashed") == 0 || strcmp(result, "unsupported") == 0 ||
        strcmp(result, "error") == 0)
        return "the technique could not be tried to its end in the guest";
    if (bare == NULL)
        return "the control gave no receipt for it";
    if ((capabilities(bare) & ~capabilities(attempt)) != 0)
        return "the guest had fewer privileges than the control";
    if (finding->row->kind == CF_outage &&
        (fault == NULL || strcmp(fault, launch_text(finding, NULL, "fault")) != 0))
        return "the receipt does not prove that the attempt came after the fault";
    return NULL;
}

static void attempted_by_probe(struct cf_finding *finding)
{
    char file[256];
    json_t *attempt = receipt(finding, CF_SUBJECT), *bare = receipt(finding, CF_CONTROL);
    const json_t *ended = cf_evidence_harness(finding->evidence, CF_SUBJECT, "ended", NULL, NULL);
    const char *defect = receipt_defect(finding, attempt, bare);
    const char *result = json_string_value(json_object_get(attempt, "result"));
    const char *errno_name = json_string_value(json_object_get(attempt, "errno"));
    cf_finding_file(finding, CF_SUBJECT, "harness", file);
    char told[256];
    snprintf(told, sizeof told, "the guest tried, and reports: %s%s%s",
             result != NULL ? result : "", errno_name != NULL ? " " : "",
             errno_name != NULL ? errno_name : "");
    cf_finding_leg(finding, "attempt", defect == NULL, file,
                   json_integer_value(json_object_get(ended, "seq")), "%s",
                   defect != NULL ? defect : told);
    if (strstr(finding->row->observers, "receipt") != NULL && result != NULL &&
        (strcmp(result, "connected") == 0 || strcmp(result, "answered") == 0))
        cf_finding_violation(finding, file, json_integer_value(json_object_get(ended, "seq")),
                             "the guest itself says that somebody was there: %s", result);
    json_decref(attempt);
    json_decref(bare);
}

/* Where the harness itself made the attempt, as another user. */
static void attempted_by_neighbour(struct cf_finding *finding)
{
    char file[256];
    json_t *asked =
        cf_evidence_harness(finding->evidence, CF_SUBJECT, "asked", "row", finding->row->id);
    json_int_t code = json_integer_value(json_object_get(asked, "exit"));
    cf_finding_file(finding, CF_SUBJECT, "harness", file);
    cf_finding_leg(finding, "attempt", asked != NULL && code >= 0, file,
                   json_integer_value(json_object_get(asked, "seq")),
                   asked == NULL ? "the other user's process did not ask"
                                 : "the other user's process asked");
}

/* ---- outages that kill the subject: nothing may survive ---- */

/* A guest that was to end itself and reports of it afterwards did not. */
static bool still_there(const struct cf_finding *finding)
{
    json_t *said = cf_plan_ends_itself(cf_launch_find(finding->row->launch))
                       ? receipt(finding, CF_SUBJECT)
                       : NULL;
    json_decref(said);
    return said != NULL;
}

static void after_kill(struct cf_finding *finding)
{
    const struct cf_evidence *evidence = finding->evidence;
    char file[256];
    json_t *killed = cf_evidence_harness(evidence, CF_SUBJECT, "killed", NULL, NULL);
    json_t *gone = cf_evidence_harness(evidence, CF_SUBJECT, "gone", NULL, NULL);
    json_t *never = cf_evidence_harness(evidence, CF_SUBJECT, "never-gone", NULL, NULL);
    json_t *ended = cf_evidence_harness(evidence, CF_SUBJECT, "ended", NULL, NULL);
    json_int_t ended_seq = json_integer_value(json_object_get(ended, "seq"));
    cf_finding_file(finding, CF_SUBJECT, "harness", file);
    if (still_there(finding)) {
        cf_finding_leg(finding, "attempt", false, file, ended_seq,
                       "the guest could not end its own machine");
        return;
    }
    cf_finding_leg(finding, "attempt", json_is_true(json_object_get(killed, "made")), file,
                   json_integer_value(json_object_get(killed, "seq")), "the fault was %smade",
                   json_is_true(json_object_get(killed, "made")) ? "" : "not ");
    if (never != NULL)
        cf_finding_violation(finding, file, json_integer_value(json_object_get(never, "seq")),
                             "processes of the run outlived the kill");
    if (ended != NULL && json_integer_value(json_object_get(ended, "exit")) == 0)
        cf_finding_violation(finding, file, ended_seq, "the run ended with status 0");
    if (ended != NULL && json_array_size(json_object_get(ended, "left")) > 0)
        cf_finding_violation(finding, file, ended_seq, "the run left a directory behind");
    cf_finding_leg(finding, "live-after", gone != NULL && ended != NULL, file, ended_seq,
                   "the process tree was %s", gone != NULL ? "gone" : "not seen to go");
}

/* A window row's launch must have lasted as long as it states. */
static void lasted(struct cf_finding *finding, int least)
{
    const json_t *ended = cf_evidence_harness(finding->evidence, CF_SUBJECT, "ended", NULL, NULL);
    json_int_t ms = json_integer_value(json_object_get(ended, "ms"));
    cf_finding_leg(finding, "window", ms >= least, NULL, 0, "the guest was up for %d ms", (int)ms);
}

void cf_judge_network(struct cf_finding *finding)
{
    bool neighbour = strcmp(finding->row->launch, "neighbour") == 0;
    control(finding);
    live(finding, false);
    const struct cf_launch *launch = cf_launch_find(finding->row->launch);
    if (cf_launch_kills(launch) || cf_plan_ends_itself(launch)) {
        after_kill(finding);
    } else {
        if (neighbour)
            attempted_by_neighbour(finding);
        else
            attempted_by_probe(finding);
        live(finding, true);
    }
    if (strcmp(finding->row->launch, "late") == 0)
        lasted(finding, 15000);
    if (strcmp(finding->row->launch, "boot") == 0)
        lasted(finding, 10000);
    cf_judge_leaks(finding, cf_finding_nonce(finding, CF_SUBJECT));
    cf_judge_secrets(finding);
    cf_judge_frames(finding);
    cf_judge_upstream(finding);
    cf_judge_elsewhere(finding, launch_text(finding, "live", "before"));
    cf_judge_elsewhere(finding, launch_text(finding, "live", "after"));
    cf_judge_health(finding);
}
