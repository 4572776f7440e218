/* upstream.c - the sidecar's audit log joined to what arrived upstream. */
#include <string.h>

#include "judge/judge.h"

static bool text_is(const json_t *record, const char *key, const char *text)
{
    const char *is = json_string_value(json_object_get(record, key));
    return is != NULL && strcmp(is, text) == 0;
}

static bool same_flow(const json_t *dial, const json_t *arrival)
{
    static const char *const keys[] = {"src", "sport", "dst", "dport"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!json_equal(json_object_get(dial, keys[i]), json_object_get(arrival, keys[i])))
            return false;
    return text_is(dial, "event", "dial");
}

/* A dial is accounted for by a request of the same connection that came before it. */
static bool was_asked(const json_t *records, const json_t *dial)
{
    size_t index;
    json_t *record;
    json_array_foreach ((json_t *)records, index, record) {
        if (record == dial)
            return false;
        if (text_is(record, "event", "request") &&
            json_equal(json_object_get(record, "conn"), json_object_get(dial, "conn")))
            return true;
    }
    return false;
}

/* How many dials in the sidecar's logs explain ARRIVAL. */
static unsigned count_dials(const struct cf_finding *finding, const json_t *arrival)
{
    const char *log;
    json_t *records, *record;
    size_t index;
    unsigned count = 0;
    json_object_foreach (finding->evidence->legs[CF_SUBJECT].logs, log, records) {
        if (strncmp(log, "sidecar-", 8) != 0)
            continue;
        json_array_foreach (records, index, record) {
            count += same_flow(record, arrival) && was_asked(records, record);
        }
    }
    return count;
}

void cf_judge_upstream(struct cf_finding *finding)
{
    size_t index;
    json_t *record;
    char file[256];
    cf_finding_file(finding, CF_SUBJECT, "canary", file);
    json_array_foreach (cf_evidence_log(finding->evidence, CF_SUBJECT, "canary"), index, record) {
        bool begins = text_is(record, "event", "tcp-open") || text_is(record, "event", "udp");
        json_int_t seq = json_integer_value(json_object_get(record, "seq"));
        const char *to = json_string_value(json_object_get(record, "dst"));
        if (text_is(record, "via", "other"))
            cf_finding_violation(finding, file, seq, "%s was reached from nowhere in the lab",
                                 to == NULL ? "?" : to);
        else if (begins && text_is(record, "via", "sidecar") && count_dials(finding, record) != 1)
            cf_finding_violation(finding, file, seq,
                                 "upstream saw a connection to %s that no request in the sidecar's "
                                 "log explains",
                                 to == NULL ? "?" : to);
    }
}
