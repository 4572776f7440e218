/* roads_linux.c - what is sent arrives, at the right observer, and nothing else does. */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lab_test.h"

enum { ROADS = 8 + 6 + 18 };

static int heartbeats(struct cf_lab *lab, void *context)
{
    struct cf_error error = {0};
    (void)context;
    CHECK(cf_lab_heartbeat(lab, "opening", &error) == 0);
    CHECK(cf_lab_heartbeat(lab, "closing", &error) == 0);
    return 0;
}

static int all_seen(int evidence)
{
    json_t *all = load_records(evidence, "harness.jsonl"), *record;
    size_t index, seen = 0;
    int foreign;
    json_array_foreach (all, index, record)
        seen += json_is_true(json_object_get(record, "seen"));
    json_decref(all);
    CHECK(seen == 2 * ROADS);
    CHECK(frames(evidence, &foreign) > 0 && foreign == 0);
    CHECK(records(evidence, "lab.jsonl", "observer-exit", NULL, NULL) == 0);
    CHECK(records(evidence, "canary.jsonl", "close", NULL, NULL) == 1);
    CHECK(records(evidence, "honeypots.jsonl", "close", NULL, NULL) == 1);
    CHECK(records(evidence, "capture.jsonl", "close", NULL, NULL) == 1);
    CHECK(records(evidence, "harness.jsonl", "close", NULL, NULL) == 1);
    CHECK(records(evidence, "lab.jsonl", "close", NULL, NULL) == 1);
    return 0;
}

/* Silence takes its time to be shown: the kernel's timers for solicitations are about a second. */
static int idle(struct cf_lab *lab, void *context)
{
    int result = heartbeats(lab, context);
    poll(NULL, 0, 2500);
    return result;
}

static int sends(struct cf_lab *lab, void *context)
{
    char output[256];
    (void)context;
    CHECK(subject(lab, false, output, "tcp", "1.1.1.1", "443", "GET /nonce-a HTTP/1.1\r\n\r\n",
                  NULL) == 0);
    CHECK_TEXT(output, "HTTP/1.1 200 OK");
    CHECK(subject(lab, false, output, "tcp", "2606:4700::1111", "65535",
                  "HEAD /nonce-b HTTP/1.1\r\n\r\n", NULL) == 0);
    CHECK_TEXT(output, "HTTP/1.1 200 OK");
    CHECK(subject(lab, false, output, "udp", "8.8.8.8", "1", "nonce-c", NULL) == 0);
    CHECK(subject(lab, false, output, "udp", "2001:4860:4860::8888", "443", "nonce-d", NULL) == 0);
    CHECK(subject(lab, false, output, "udp", "203.0.113.77", "9", "nonce-e", NULL) == 0);
    CHECK(subject(lab, false, output, "udp", "2001:db8:1::77", "9", "nonce-f", NULL) == 0);
    CHECK(subject(lab, false, output, "tcp", "169.254.169.254", "80",
                  "GET /nonce-g HTTP/1.0\r\n\r\n", NULL) == 0);
    CHECK(subject(lab, false, output, "resolve", "nonce-h.example", NULL) == 0);
    CHECK(strcmp(output, "198.51.100.53") == 0 || strcmp(output, "2001:db8:53::1") == 0);
    return cf_lab_heartbeat(lab, "closing", NULL); /* by now everything before it is stored */
}

static int sends_arrived(int evidence)
{
    static const struct {
        const char *event, *nonce;
    } wanted[] = {{"tcp-data", "nonce-a"}, {"tcp-data", "nonce-b"}, {"udp", "nonce-c"},
                  {"udp", "nonce-d"},      {"udp", "nonce-e"},      {"udp", "nonce-f"},
                  {"tcp-data", "nonce-g"}};
    size_t length;
    char *pcap = slurp(evidence, "capture.pcap", &length);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        CHECK(records(evidence, "canary.jsonl", wanted[i].event, "data", wanted[i].nonce) == 1);
        CHECK(memmem(pcap, length, wanted[i].nonce, 7) != NULL);
    }
    free(pcap);
    CHECK(records(evidence, "canary.jsonl", "tcp-open", "dst", "1.1.1.1") == 1);
    CHECK(records(evidence, "canary.jsonl", "tcp-open", "dst", "2606:4700::1111") == 1);
    CHECK(records(evidence, "canary.jsonl", "udp", "dst", "2001:4860:4860::8888") == 1);
    CHECK(records(evidence, "canary.jsonl", "udp", "qname", "nonce-h.example") >= 1);
    CHECK(records(evidence, "canary.jsonl", "tcp-open", "via", "veth") >= 3);
    CHECK(records(evidence, "canary.jsonl", "tcp-open", "via", "other") == 0);
    return 0;
}

const struct lab_case ROAD_CASES[] = {
    {"heartbeats are seen", heartbeats, all_seen, false, false},
    {"an idle lab is silent", idle, all_seen, false, false},
    {"sends arrive", sends, sends_arrived, false, false},
    {NULL, NULL, NULL, false, false},
};
