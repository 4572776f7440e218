/* compare_mediated.c - allowed requests, and what another user's process is answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/escape.h"
#include "judge/compare.h"

const json_t *cf_compare_opening(const struct cf_finding *finding, const json_t *seen)
{
    const char *event = json_string_value(json_object_get(seen, "event"));
    const char *log;
    json_t *records, *record;
    size_t index;
    if (event == NULL || strcmp(event, "tunnel") != 0)
        return seen;
    json_object_foreach (finding->evidence->legs[CF_SUBJECT].logs, log, records) {
        json_array_foreach (records, index, record) {
            const char *is = json_string_value(json_object_get(record, "event"));
            if (strncmp(log, "sidecar-", 8) == 0 && is != NULL && strcmp(is, "request") == 0 &&
                json_equal(json_object_get(record, "conn"), json_object_get(seen, "conn")))
                return record;
        }
    }
    return NULL;
}

static int count_header(const json_t *request, const char *name)
{
    size_t index;
    json_t *header;
    int count = 0;
    json_array_foreach (json_object_get(request, "headers"), index, header) {
        const char *is = json_string_value(json_array_get(header, 0));
        count += is != NULL && strcasecmp(is, name) == 0;
    }
    return count;
}

void cf_compare_attribution(struct cf_finding *finding, const json_t *request)
{
    static const char *const names[] = {"x-firma-sandbox-id", "x-firma-session-id",
                                        "x-firma-profile", "x-firma-agent", "x-firma-user"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int count = count_header(request, names[i]);
        if (count != 1)
            cf_compare_mismatch(finding, 0, "the sidecar got %s %d times, not once", names[i],
                                count);
    }
}

static void mediated(struct cf_finding *finding)
{
    struct cf_mediated bare =
        cf_judge_mediated(finding, CF_CONTROL, cf_finding_nonce(finding, CF_CONTROL));
    struct cf_mediated confined =
        cf_judge_mediated(finding, CF_SUBJECT, cf_finding_nonce(finding, CF_SUBJECT));
    const json_t *run = cf_compare_run(finding, CF_SUBJECT, 0);
    const json_t *control = cf_compare_run(finding, CF_CONTROL, 0);
    bool served = bare.requests == 1 && bare.arrivals == 1 &&
                  json_integer_value(json_object_get(control, "exit")) == 0;
    cf_compare_legs(finding, 1, served, "the same request by way of the sidecar alone");
    if (!served || run == NULL)
        return;
    cf_judge_elsewhere(finding, cf_finding_nonce(finding, CF_SUBJECT));
    if (confined.requests != 1 || confined.arrivals != 1)
        cf_compare_mismatch(finding, 0,
                            "the request was seen %u times and arrived %u times, not once",
                            confined.requests, confined.arrivals);
    else if (json_integer_value(json_object_get(run, "exit")) != 0)
        cf_compare_mismatch(finding, 0, "the client was not satisfied with what came back");
    else
        cf_compare_attribution(finding, cf_compare_opening(finding, confined.request));
}

/* As the probe makes them (tech_tunnel.c): to this port and those above it. */
enum { TUNNELS = 8, FIRST_PORT = 8080 };

/* What it says in one, escaped; the caller's. */
static char *tunnel_text(const char *nonce, int index)
{
    char pad[65] = "", text[256];
    memset(pad, 'a' + index, sizeof pad - 1);
    int length =
        snprintf(text, sizeof text, "GET /%s-%d HTTP/1.0\r\nX-Echo: %s-%d\r\nX-Pad: %s\r\n\r\n",
                 nonce, index, nonce, index, pad);
    return cf_escape(text, (size_t)length);
}

/* STREAM arrived through the sidecar, at PORT, as TEXT and nothing else. */
static bool is_tunnel(const json_t *stream, int port, const char *text)
{
    const char *via = json_string_value(json_object_get(stream, "via"));
    const char *data = json_string_value(json_object_get(stream, "data"));
    return via != NULL && strcmp(via, "sidecar") == 0 && data != NULL && strcmp(data, text) == 0 &&
           json_integer_value(json_object_get(stream, "dport")) == port;
}

/* How many of them arrived once, where they were to, and as they were sent. */
static int count_whole_tunnels(const struct cf_finding *finding, enum cf_leg leg)
{
    const json_t *arrived = json_object_get(finding->evidence->legs[leg].streams, "canary");
    int whole = 0;
    for (int i = 0; i < TUNNELS; i++) {
        char *text = tunnel_text(cf_finding_nonce(finding, leg), i);
        int times = 0;
        size_t index;
        json_t *stream;
        json_array_foreach (arrived, index, stream)
            times += text != NULL && is_tunnel(stream, FIRST_PORT + i, text);
        whole += times == 1;
        free(text);
    }
    return whole;
}

static void tunnels_apart(struct cf_finding *finding)
{
    int bare = count_whole_tunnels(finding, CF_CONTROL);
    int confined = count_whole_tunnels(finding, CF_SUBJECT);
    const json_t *run = cf_compare_run(finding, CF_SUBJECT, 0);
    const json_t *control = cf_compare_run(finding, CF_CONTROL, 0);
    bool served = bare == TUNNELS && json_integer_value(json_object_get(control, "exit")) == 0;
    cf_compare_legs(finding, 1, served, "eight tunnels by way of the sidecar alone");
    if (!served || run == NULL)
        return;
    cf_judge_elsewhere(finding, cf_finding_nonce(finding, CF_SUBJECT));
    if (confined != TUNNELS)
        cf_compare_mismatch(finding, 0,
                            "%d of %d tunnels arrived once, where they were to, as they were sent",
                            confined, TUNNELS);
    else if (json_integer_value(json_object_get(run, "exit")) != 0)
        cf_compare_mismatch(finding, 0, "not every tunnel brought back its own answer");
}

/* What the DNS stub answered the asking process: its receipt's result. */
static void answer(const struct cf_finding *finding, enum cf_leg leg, char out[64])
{
    const json_t *asked =
        cf_evidence_harness(finding->evidence, leg, "asked", "row", finding->row->id);
    const char *escaped = json_string_value(json_object_get(asked, "stdout"));
    size_t length = 0;
    char *text = escaped == NULL ? NULL : (char *)cf_unescape(escaped, &length);
    json_t *receipt = text == NULL ? NULL : json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    const char *result = json_string_value(json_object_get(receipt, "result"));
    snprintf(out, 64, "%s", result == NULL ? "" : result);
    json_decref(receipt);
    free(text);
}

static void neighbour_dns(struct cf_finding *finding)
{
    char own[64], other[64], file[256];
    answer(finding, CF_CONTROL, own);
    answer(finding, CF_SUBJECT, other);
    cf_finding_file(finding, CF_SUBJECT, "harness", file);
    cf_finding_leg(finding, "control", strcmp(own, "answered") == 0, file, 0,
                   "the launcher's own user was %s", own[0] == '\0' ? "not heard of" : own);
    cf_finding_leg(finding, "attempt", other[0] != '\0', file, 0, "the other user was %s",
                   other[0] == '\0' ? "not heard of" : other);
    if (strcmp(other, "answered") == 0)
        cf_finding_violation(finding, file, 0, "another user's process was answered by the stub");
}

const struct cf_check cf_mediated_checks[] = {
    {"http-mediated", mediated},      {"connect-mediated", mediated},   {"name-mediated", mediated},
    {"tunnels-apart", tunnels_apart}, {"neighbour-dns", neighbour_dns}, {NULL, NULL},
};
