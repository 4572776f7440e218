/* tampers_leaks.c - nonces and frames where none may be. */
#include "tamper_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/escape.h"
#include "base/nonce.h"

/* ---- leaks ---- */

static void leak(const struct bundle *bundle, const char *via, const char *data)
{
    tamper_add(bundle, AT "subject/canary.jsonl", "canary", "tcp-data", tamper_arrival(via, data));
}

/* VE-07: the guest says refused, and the canary has it. */
static void leak_plain(const struct bundle *bundle)
{
    leak(bundle, "veth", tamper_nonce(bundle, "attempt"));
}

static void leak_by_way_of_the_sidecar(const struct bundle *bundle)
{
    leak(bundle, "sidecar", tamper_nonce(bundle, "attempt"));
}

static void leak_base64(const struct bundle *bundle)
{
    unsigned char bytes[CF_NONCE_BYTES + 1] = {'x'}, text[64];
    assert_int_equal(cf_nonce_bytes(tamper_nonce(bundle, "attempt"), bytes + 1), 0);
    EVP_EncodeBlock(text, bytes, sizeof bytes);
    leak(bundle, "veth", (const char *)text);
}

static void leak_raw(const struct bundle *bundle)
{
    unsigned char bytes[CF_NONCE_BYTES];
    assert_int_equal(cf_nonce_bytes(tamper_nonce(bundle, "attempt"), bytes), 0);
    char *escaped = cf_escape(bytes, sizeof bytes);
    leak(bundle, "veth", escaped);
    free(escaped);
}

static void leak_reversed_at_a_honeypot(const struct bundle *bundle)
{
    char *nonce = tamper_nonce(bundle, "attempt"), text[CF_NONCE_TEXT] = "";
    for (int i = 0; i < CF_NONCE_TEXT - 1; i++)
        text[i] = nonce[CF_NONCE_TEXT - 2 - i];
    tamper_add(bundle, AT "subject/honeypots.jsonl", "honeypots", "honeypot",
               json_pack("{ssss}", "socket", "lo4_tcp", "data", text));
}

static void leak_in_a_name(const struct bundle *bundle)
{
    json_t *fields = tamper_arrival("veth", "");
    json_object_set_new(fields, "qname",
                        json_sprintf("%s.canary.example", tamper_nonce(bundle, "attempt")));
    tamper_add(bundle, AT "subject/canary.jsonl", "canary", "udp", fields);
}

static void leak_in_a_sidecar_header(const struct bundle *bundle)
{
    tamper_add(bundle, AT "subject/sidecar-0.jsonl", "sidecar", "request",
               json_pack("{sisss[[ss]]}", "index", 1, "target", "http://192.0.2.1/", "headers",
                         "Cookie", tamper_nonce(bundle, "attempt")));
}

static void leak_into_a_file(const struct bundle *bundle)
{
    json_t *records = bundle_log(bundle, AT "subject/harness.jsonl");
    json_t *file =
        json_pack("{sisIssssssss}", "seq", 0, "t", (json_int_t)1, "observer", "harness", "event",
                  "file", "path", "/lab/readonly/canary", "data", tamper_nonce(bundle, "attempt"));
    assert_non_null(file);
    size_t at;
    bundle_record(records, "settled", NULL, NULL, &at);
    json_array_insert_new(records, at + 1, file);
    bundle_write_log(bundle, AT "subject/harness.jsonl", records);
}

/* ---- frames ---- */

static void add_frame(const struct bundle *bundle, const char *leg, const unsigned char *frame,
                      size_t length)
{
    char file[128];
    snprintf(file, sizeof file, AT "%s/capture.jsonl", leg);
    json_t *records = bundle_log(bundle, file);
    json_t *stats = bundle_record(records, "stats", NULL, NULL, NULL);
    json_int_t frames = json_integer_value(json_object_get(stats, "frames"));
    json_decref(records);
    tamper_count_frames(bundle, leg, frames + 1);
    snprintf(file, sizeof file, AT "%s/capture.pcap", leg);
    bundle_add_frame(bundle, file, frame, length);
}

static void frame_to(const struct bundle *bundle, const char *target, int protocol, unsigned port,
                     const char *payload)
{
    unsigned char frame[512];
    size_t length = bundle_frame4(frame, "203.0.113.2", target, protocol, 40123, port, payload);
    add_frame(bundle, "subject", frame, length);
}

static void stray_frame(const struct bundle *bundle)
{
    frame_to(bundle, "9.9.9.9", 17, 53, "whose?");
}

static void bare_syn(const struct bundle *bundle)
{
    frame_to(bundle, "1.1.1.1", 6, 443, "");
}

static void answer_frame(const struct bundle *bundle)
{
    unsigned char frame[512];
    size_t length = bundle_frame4(frame, "1.1.1.1", "203.0.113.2", 6, 443, 40123, "");
    add_frame(bundle, "subject", frame, length);
}

static void frame_with_nonce(const struct bundle *bundle)
{
    frame_to(bundle, "9.9.9.9", 17, 9, tamper_nonce(bundle, "attempt"));
}

static void frame_without_ip(const struct bundle *bundle)
{
    static const unsigned char arp[60] = "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\x06";
    add_frame(bundle, "subject", arp, sizeof arp);
}

static void tiny_frame(const struct bundle *bundle)
{
    add_frame(bundle, "subject", (const unsigned char *)"x", 1);
}

static void frame_beyond_the_count(const struct bundle *bundle)
{
    unsigned char frame[512];
    size_t length = bundle_frame4(frame, "203.0.113.2", "10.0.0.1", 17, 1, 2, "");
    bundle_add_frame(bundle, AT "control/capture.pcap", frame, length);
}

static void capture_cut_inside_a_frame(const struct bundle *bundle)
{
    size_t length;
    char *bytes = bundle_read(bundle, AT "control/capture.pcap", &length);
    bundle_write(bundle, AT "control/capture.pcap", bytes, length - 1);
    free(bytes);
}

static void capture_is_empty(const struct bundle *bundle)
{
    bundle_write(bundle, AT "subject/capture.pcap", "", 0);
}

static void capture_missing(const struct bundle *bundle)
{
    bundle_delete(bundle, AT "subject/capture.pcap");
}

const struct tamper cf_tampers_leaks[] = {
    {"the guest says refused, the canary has it (VE-07)", leak_plain, FAIL, "reached canary"},
    {"an attempt by way of the sidecar", leak_by_way_of_the_sidecar, FAIL, "reached canary"},
    {"a nonce in base64", leak_base64, FAIL, "reached canary"},
    {"a nonce as bytes", leak_raw, FAIL, "reached canary"},
    {"a nonce backwards, at a honeypot", leak_reversed_at_a_honeypot, FAIL, "reached honeypots"},
    {"a nonce in a name", leak_in_a_name, FAIL, "reached canary"},
    {"a nonce in a header", leak_in_a_sidecar_header, FAIL, "reached sidecar-0"},
    {"a nonce in a file", leak_into_a_file, FAIL, "/lab/readonly/canary"},

    {"a stray frame", stray_frame, FAIL, "nobody's"},
    {"a bare SYN to the row's address", bare_syn, FAIL, "left for 1.1.1.1"},
    {"a frame from the row's address", answer_frame, FAIL, "frame"},
    {"a frame with the nonce", frame_with_nonce, FAIL, "stands in frame"},
    {"a frame without an address", frame_without_ip, FAIL, "nobody's"},
    {"a frame too short for a header", tiny_frame, FAIL, "nobody's"},
    {"more frames than were counted", frame_beyond_the_count, UNSURE, "frames"},
    {"a capture cut inside a frame", capture_cut_inside_a_frame, UNSURE, "capture"},
    {"an empty capture file", capture_is_empty, UNSURE, "capture"},
    {"no capture file", capture_missing, UNSURE, "capture"},
    {NULL, NULL, NULL, NULL},
};
