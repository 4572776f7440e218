/* leaks.c - where a nonce stands that may stand nowhere, and frames that nobody accounts for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/judge.h"
#include "judge/search.h"

/* The harness's own log holds nonces by right, but for what it found in files. */
static bool may_testify(const char *observer, const json_t *record)
{
    const char *event = json_string_value(json_object_get(record, "event"));
    if (strcmp(observer, "lab") == 0 || strcmp(observer, "capture") == 0)
        return false;
    return strcmp(observer, "harness") != 0 || (event != NULL && strcmp(event, "file") == 0);
}

static void describe(const json_t *record, char *text, size_t size)
{
    const char *event = json_string_value(json_object_get(record, "event"));
    const char *target = json_string_value(json_object_get(record, "dst"));
    const char *where = json_string_value(json_object_get(record, "socket"));
    const char *path = json_string_value(json_object_get(record, "path"));
    const char *via = json_string_value(json_object_get(record, "via"));
    json_int_t port = json_integer_value(json_object_get(record, "dport"));
    if (target != NULL)
        snprintf(text, size, "%s to %s port %d, by way of %s", event, target, (int)port,
                 via == NULL ? "?" : via);
    else
        snprintf(text, size, "%s %s", event == NULL ? "?" : event,
                 where != NULL  ? where
                 : path != NULL ? path
                                : "");
}

/* Every record of RECORDS that carries the needle and may not. Returns how many. */
static unsigned convict(struct cf_finding *finding, const struct cf_needle *needle,
                        const char *observer, const json_t *records)
{
    json_t *record;
    size_t index;
    unsigned count = 0;
    char file[256], what[256];
    json_array_foreach ((json_t *)records, index, record) {
        if (!may_testify(observer, record) || !cf_needle_in_json(needle, record))
            continue;
        count++;
        describe(record, what, sizeof what);
        cf_finding_violation(finding, cf_finding_file(finding, CF_SUBJECT, observer, file),
                             json_integer_value(json_object_get(record, "seq")),
                             "the attempt reached %s: %s", observer, what);
    }
    return count;
}

static void search_frames(struct cf_finding *finding, const struct cf_needle *needle)
{
    const struct cf_leg_evidence *leg = &finding->evidence->legs[CF_SUBJECT];
    char file[256];
    snprintf(file, sizeof file, "%.200s/subject/capture.pcap", finding->evidence->directory);
    for (size_t i = 0; i < leg->frame_count; i++)
        if (cf_needle_in(needle, leg->frames[i].bytes, leg->frames[i].length))
            cf_finding_violation(finding, file, leg->frames[i].number,
                                 "the attempt's nonce stands in frame %u, %s to %s",
                                 leg->frames[i].number, leg->frames[i].source,
                                 leg->frames[i].target);
}

void cf_judge_leaks(struct cf_finding *finding, const char *nonce)
{
    const struct cf_leg_evidence *leg = &finding->evidence->legs[CF_SUBJECT];
    struct cf_needle *needle = cf_needle_new(nonce);
    const char *observer;
    json_t *records;
    if (needle == NULL)
        return;
    json_object_foreach (leg->logs, observer, records) {
        /* A nonce in pieces shows only in the joined stream. */
        if (convict(finding, needle, observer, records) == 0)
            convict(finding, needle, observer, json_object_get(leg->streams, observer));
    }
    search_frames(finding, needle);
    cf_needle_free(needle);
}

static bool frame_is(const struct cf_frame *frame, const json_t *planned)
{
    const char *address = json_string_value(json_object_get(planned, "addr"));
    json_int_t port = json_integer_value(json_object_get(planned, "port"));
    if (address == NULL)
        return false;
    bool to = strcmp(frame->target, address) == 0, from = strcmp(frame->source, address) == 0;
    if (frame->source_port == 0 && frame->target_port == 0)
        return to || from;
    return (to && (port == 0 || frame->target_port == port)) ||
           (from && (port == 0 || frame->source_port == port));
}

static bool frame_carries(const struct cf_frame *frame, const json_t *planned)
{
    struct cf_needle *needle =
        cf_needle_new(json_string_value(json_object_get(planned, "attempt")));
    bool carries = needle != NULL && cf_needle_in(needle, frame->bytes, frame->length);
    cf_needle_free(needle);
    return carries;
}

/* The launch's `silent-link` row answers for frames that no row's address or nonce explains;
 * without such a row all of them do. */
static bool answers_for_strays(const struct cf_finding *finding)
{
    size_t index;
    json_t *planned;
    json_array_foreach (json_object_get(finding->evidence->launch, "rows"), index, planned) {
        const char *id = json_string_value(json_object_get(planned, "id"));
        if (id != NULL && strstr(id, ".silent-link") != NULL)
            return strcmp(finding->row->id, id) == 0;
    }
    return true;
}

static bool is_stray(const struct cf_finding *finding, const struct cf_frame *frame)
{
    size_t index;
    json_t *planned;
    json_array_foreach (json_object_get(finding->evidence->launch, "rows"), index, planned) {
        if (frame_is(frame, planned) || frame_carries(frame, planned))
            return false;
    }
    return true;
}

void cf_judge_frames(struct cf_finding *finding)
{
    const struct cf_leg_evidence *leg = &finding->evidence->legs[CF_SUBJECT];
    /* Without the harness's word on its heartbeats a frame cannot be called nobody's. */
    bool strays = leg->harness_whole && answers_for_strays(finding);
    char file[256];
    snprintf(file, sizeof file, "%.200s/subject/capture.pcap", finding->evidence->directory);
    for (size_t i = 0; i < leg->frame_count; i++) {
        const struct cf_frame *frame = &leg->frames[i];
        if (frame->harness)
            continue;
        if (frame_is(frame, finding->plan))
            cf_finding_violation(finding, file, frame->number,
                                 "frame %u left for %s (protocol %u, port %u)", frame->number,
                                 frame->target, frame->protocol, frame->target_port);
        else if (strays && is_stray(finding, frame))
            cf_finding_violation(finding, file, frame->number,
                                 "frame %u is nobody's: ethertype 0x%04x, %s to %s, protocol %u, "
                                 "port %u",
                                 frame->number, frame->ethertype, frame->source, frame->target,
                                 frame->protocol, frame->target_port);
    }
}

static bool is_event(const json_t *record, const char *name)
{
    const char *event = json_string_value(json_object_get(record, "event"));
    return event != NULL && strcmp(event, name) == 0;
}

/* Requests are records, what a tunnel carried is a stream. */
static void count_requests(const struct cf_finding *finding, enum cf_leg leg, const json_t *logs,
                           const char *event, const struct cf_needle *needle,
                           struct cf_mediated *found)
{
    const char *observer;
    json_t *records, *record;
    size_t index;
    json_object_foreach ((json_t *)logs, observer, records) {
        if (strncmp(observer, "sidecar-", 8) != 0)
            continue;
        json_array_foreach (records, index, record) {
            if (!is_event(record, event) || !cf_needle_in_json(needle, record))
                continue;
            if (found->requests++ == 0) {
                found->seq = json_integer_value(json_object_get(record, "seq"));
                found->request = record;
                cf_finding_file(finding, leg, observer, found->file);
            }
        }
    }
}

struct cf_mediated cf_judge_mediated(const struct cf_finding *finding, enum cf_leg leg,
                                     const char *nonce)
{
    const struct cf_leg_evidence *evidence = &finding->evidence->legs[leg];
    struct cf_mediated found = {0};
    struct cf_needle *needle = cf_needle_new(nonce);
    size_t index;
    json_t *stream;
    if (needle == NULL)
        return found;
    count_requests(finding, leg, evidence->logs, "request", needle, &found);
    count_requests(finding, leg, evidence->streams, "tunnel", needle, &found);
    json_array_foreach (json_object_get(evidence->streams, "canary"), index, stream) {
        const char *via = json_string_value(json_object_get(stream, "via"));
        if (via != NULL && strcmp(via, "sidecar") == 0 && cf_needle_in_json(needle, stream))
            found.arrivals++;
    }
    cf_needle_free(needle);
    return found;
}
