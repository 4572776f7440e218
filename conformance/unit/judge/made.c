#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/escape.h"
#include "register/register.h"

#define SUBJECT  "5b1ec7000000000000000000000000000000000000000000000000000000cafe"
#define LAUNCHER "1a04c4e2000000000000000000000000000000000000000000000000000000ef"

static const char *const ROADS[] = {"tcp4",
                                    "tcp6",
                                    "udp4",
                                    "udp6",
                                    "dns4",
                                    "dns6",
                                    "icmp4",
                                    "icmp6",
                                    "lo4_tcp",
                                    "lo4_udp",
                                    "lo6_tcp",
                                    "lo6_udp",
                                    "/run/docker.sock"};
enum { ROAD_COUNT = sizeof ROADS / sizeof ROADS[0] };

static void write_simple(const struct bundle *bundle, const char *leg, const char *observer,
                         json_t *records)
{
    char file[256];
    snprintf(file, sizeof file, "launches/net/%s/%s.jsonl", leg, observer);
    bundle_write_log(bundle, file, records);
}

static json_t *opened(const char *observer)
{
    json_t *records = json_array();
    bundle_add_record(records, observer, "open", NULL);
    return records;
}

static void add_heartbeats(json_t *harness, const char *label)
{
    for (int i = 0; i < ROAD_COUNT; i++) {
        char nonce[64], address[64];
        snprintf(nonce, sizeof nonce, "%02d%030d", label[0] == 'o' ? i : i + 50, 7);
        snprintf(address, sizeof address, "10.99.%d.%d", label[0], i + 1);
        const char *witness = i < 8 ? "capture.pcap" : "honeypots.jsonl";
        bundle_add_record(harness, "harness", "heartbeat",
                          json_pack("{sssssssssisbs[s]s[s]}", "label", label, "road", ROADS[i],
                                    "nonce", nonce, "address", address, "port", 1000 + i, "seen", 1,
                                    "wanted", witness, "stored", witness));
    }
}

/* What the probe printed; the digest of what stood there before its last request. */
static char *receipts(const char *leg, char digest[65])
{
    const int confined = strcmp(leg, "subject") == 0;
    char text[4096];
    int length =
        snprintf(text, sizeof text,
                 "{\"receipt\":0,\"event\":\"start\",\"priv\":{\"caps\":\"0400\"}}\n"
                 "{\"receipt\":1,\"event\":\"step\",\"fault\":null,\"priv\":{\"uid\":0,"
                 "\"caps\":\"0000000000000400\"},\"row\":\"by.tcp4\",\"technique\":\"tcp\","
                 "\"nonce\":\"%s\",\"result\":\"%s\",\"errno\":%s}\n",
                 confined ? MADE_ATTEMPT : MADE_CONTROL, confined ? "refused" : "sent",
                 confined ? "\"ENETUNREACH\"" : "null");
    assert_int_equal(cf_digest_bytes(text, (size_t)length, digest), 0);
    if (confined)
        length +=
            snprintf(text + length, sizeof text - (size_t)length,
                     "{\"receipt\":2,\"event\":\"live-after\",\"nonce\":\"%s\"}\n", MADE_AFTER);
    return cf_escape(text, (size_t)length);
}

static void make_harness(const struct bundle *bundle, const char *leg, char digest[65])
{
    json_t *records = opened("harness");
    char *printed = receipts(leg, digest);
    add_heartbeats(records, "opening");
    bundle_add_record(records, "harness", "sidecar-started",
                      json_pack("{sisi}", "index", 0, "port", 40000));
    bundle_add_record(records, "harness", "ended",
                      json_pack("{sssisbsisssss[]s[]}", "leg", leg, "exit", 0, "timed_out", 0, "ms",
                                30, "stdout", printed, "stderr", "", "survivors", "left"));
    free(printed);
    bundle_add_record(records, "harness", "settled", json_pack("{si}", "ms", 300));
    bundle_add_record(records, "harness", "sidecar-stopped",
                      json_pack("{sisisi}", "index", 0, "signal", 15, "status", 0));
    add_heartbeats(records, "closing");
    write_simple(bundle, leg, "harness", records);
}

/* An allowed request, as the sidecar and the canary tell it. */
static void add_request(json_t *sidecar, json_t *canary, int conn, const char *path)
{
    char target[256];
    snprintf(target, sizeof target, "http://192.0.2.9/%s", path);
    bundle_add_record(sidecar, "sidecar", "accept", json_pack("{si}", "conn", conn));
    bundle_add_record(
        sidecar, "sidecar", "request",
        json_pack("{sisssssi}", "index", 1, "method", "GET", "target", target, "conn", conn));
    bundle_add_record(sidecar, "sidecar", "dial",
                      json_pack("{sisssisssisbsi}", "index", 1, "dst", "192.0.2.9", "dport", 80,
                                "src", "198.18.7.7", "sport", 30000 + conn, "ok", 1, "conn", conn));
    for (int i = 0; i < 2; i++) {
        json_t *fields = json_pack("{sssisssissss}", "src", "198.18.7.7", "sport", 30000 + conn,
                                   "dst", "192.0.2.9", "dport", 80, "via", "sidecar", "data", "");
        json_object_set_new(fields, "conn", json_integer(conn));
        if (i == 0)
            json_object_del(fields, "data");
        else
            json_object_set_new(fields, "data", json_sprintf("GET /%s HTTP/1.1\\x0d\\x0a", path));
        bundle_add_record(canary, "canary", i == 0 ? "tcp-open" : "tcp-data", fields);
    }
}

static void make_network(const struct bundle *bundle, const char *leg, const char *digest)
{
    json_t *sidecar = opened("sidecar"), *canary = opened("canary");
    char path[160];
    if (strcmp(leg, "subject") == 0) {
        add_request(sidecar, canary, 1, MADE_BEFORE);
        snprintf(path, sizeof path, MADE_AFTER "/%s", digest);
        add_request(sidecar, canary, 2, path);
    } else {
        bundle_add_record(canary, "canary", "tcp-data",
                          json_pack("{sssisssissss}", "src", "203.0.113.2", "sport", 4000, "dst",
                                    "1.1.1.1", "dport", 443, "via", "veth", "data", MADE_CONTROL));
    }
    write_simple(bundle, leg, "sidecar-0", sidecar);
    write_simple(bundle, leg, "canary", canary);
    write_simple(bundle, leg, "honeypots", opened("honeypots"));
    write_simple(bundle, leg, "lab", opened("lab"));
}

static void make_capture(const struct bundle *bundle, const char *leg)
{
    unsigned char frame[512];
    char file[128];
    int frames = 2;
    snprintf(file, sizeof file, "launches/net/%s/capture.pcap", leg);
    size_t length = bundle_frame4(frame, "203.0.113.2", "10.99.111.1", 17, 4001, 1000, "beat");
    bundle_add_frame(bundle, file, frame, length);
    length = bundle_frame4(frame, "203.0.113.2", "10.99.99.1", 17, 4002, 1000, "beat");
    bundle_add_frame(bundle, file, frame, length);
    if (strcmp(leg, "control") == 0) {
        length = bundle_frame4(frame, "203.0.113.2", "1.1.1.1", 6, 4000, 443, MADE_CONTROL);
        bundle_add_frame(bundle, file, frame, length);
        frames = 3;
    }
    json_t *records = opened("capture");
    bundle_add_record(records, "capture", "stats",
                      json_pack("{sisisi}", "frames", frames, "drops", 0, "ifdrops", 0));
    write_simple(bundle, leg, "capture", records);
}

static json_t *common(const char *schema)
{
    char digest[65];
    assert_int_equal(cf_register_digest(digest, NULL), 0);
    return json_pack("{sssssssss{ssssss}s{ssss}}", "schema", schema, "run", "made", "invocation",
                     MADE_INVOCATION, "register_sha256", digest, "subject", "kind", "path", "path",
                     "/runner", "sha256", SUBJECT, "launcher", "path", "/firma-run", "sha256",
                     LAUNCHER);
}

void made_run(struct bundle *bundle)
{
    char digest[65];
    bundle_make(bundle);
    bundle_folder(bundle, "launches/net/control");
    bundle_folder(bundle, "launches/net/subject");
    for (int i = 0; i < 2; i++) {
        const char *leg = i == 0 ? "control" : "subject";
        make_harness(bundle, leg, digest);
        make_network(bundle, leg, digest);
        make_capture(bundle, leg);
    }
    json_t *launch = common("firma-bundle/1");
    json_object_update_new(
        launch, json_pack("{sss[{sssssssssi}]s{ssss}sss{s{sisn}s{sisn}}s{}}", "launch", "net",
                          "rows", "id", "by.tcp4", "control", MADE_CONTROL, "attempt", MADE_ATTEMPT,
                          "addr", "1.1.1.1", "port", 443, "live", "before", MADE_BEFORE, "after",
                          MADE_AFTER, "fault", MADE_FAULT, "legs", "control", "status", 0, "error",
                          "subject", "status", 0, "error", "files"));
    json_t *run = common("firma-run-record/1");
    json_object_update_new(
        run, json_pack("{s[s]s{}s{}}", "planned", "by.tcp4", "not_applicable", "launches"));
    bundle_write_json(bundle, "launches/net/launch.json", launch);
    bundle_write_json(bundle, "run.json", run);
    bundle_seal(bundle, "net");
}
