/* upstream.c - the sidecar's audit log joined to what arrived upstream. */
#include <string.h>

#include "judge/judge.h"

static bool text_is(const json_t *record, const char *key, const char *text)
{
    const char *is = json_string_value(json_object_get(record, key));
    return is != NULL && strcmp(is, text) == 0;
}

static bool same_flow(const json_t *one, const json_t *other)
{
    static const char *const keys[] = {"src", "sport", "dst", "dport"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!json_equal(json_object_get(one, keys[i]), json_object_get(other, keys[i])))
            return false;
    return true;
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

/* How many dials in the sidecar's logs have ARRIVAL's addresses and ports. */
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
            count += text_is(record, "event", "dial") && same_flow(record, arrival) &&
                     was_asked(records, record);
        }
    }
    return count;
}

static unsigned count_arrivals(const json_t *canary, const json_t *arrival)
{
    size_t index;
    json_t *record;
    unsigned count = 0;
    json_array_foreach ((json_t *)canary, index, record)
        count += text_is(record, "event", "tcp-open") && same_flow(record, arrival);
    return count;
}

/* The sidecar dials TCP only. The system may give it the same port again once a connection is
 * closed, so what must agree is how often: one arrival more than there were dials convicts. */
static bool is_explained(const struct cf_finding *finding, const json_t *canary,
                         const json_t *arrival)
{
    return text_is(arrival, "event", "tcp-open") &&
           count_dials(finding, arrival) == count_arrivals(canary, arrival);
}

void cf_judge_upstream(struct cf_finding *finding)
{
    size_t index;
    json_t *record;
    char file[256];
    cf_finding_file(finding, CF_SUBJECT, "canary", file);
    const json_t *canary = cf_evidence_log(finding->evidence, CF_SUBJECT, "canary");
    json_array_foreach ((json_t *)canary, index, record) {
        bool begins = text_is(record, "event", "tcp-open") || text_is(record, "event", "udp");
        json_int_t seq = json_integer_value(json_object_get(record, "seq"));
        const char *to = json_string_value(json_object_get(record, "dst"));
        if (text_is(record, "via", "other"))
            cf_finding_violation(finding, file, seq, "%s was reached from nowhere in the lab",
                                 to == NULL ? "?" : to);
        else if (begins && text_is(record, "via", "sidecar") &&
                 !is_explained(finding, canary, record))
            cf_finding_violation(finding, file, seq,
                                 "upstream saw a connection to %s that no request in the sidecar's "
                                 "log explains",
                                 to == NULL ? "?" : to);
    }
}
