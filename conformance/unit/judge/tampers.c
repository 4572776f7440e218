#include "tampers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/escape.h"
#include "base/nonce.h"

#define AT "launches/net/"

/* ---- finding one's way ---- */

/* A nonce of launch.json: "control", "attempt", "before" or "after". */
static char *nonce_of(const struct bundle *bundle, const char *which)
{
    static char text[CF_NONCE_TEXT];
    json_t *launch = bundle_json(bundle, AT "launch.json");
    const json_t *live = json_object_get(launch, "live");
    const json_t *row = json_array_get(json_object_get(launch, "rows"), 0);
    const char *nonce = json_string_value(json_object_get(live, which));
    if (nonce == NULL)
        nonce = json_string_value(json_object_get(row, which));
    assert_non_null(nonce);
    snprintf(text, sizeof text, "%s", nonce);
    json_decref(launch);
    return text;
}

static int holds(const json_t *record, const char *word)
{
    char *text = json_dumps(record, JSON_COMPACT);
    int found = text != NULL && strstr(text, word) != NULL;
    free(text);
    return found;
}

static const char *event_of(const json_t *record)
{
    return json_string_value(json_object_get(record, "event"));
}

/* Drops the records of FILE that hold WORD and are called EVENT (NULL: whatever they are called);
 * fails the test when there are none. */
static void drop(const struct bundle *bundle, const char *file, const char *event, const char *word)
{
    json_t *records = bundle_log(bundle, file);
    size_t before = json_array_size(records);
    for (size_t i = before; i-- > 0;) {
        const json_t *record = json_array_get(records, i);
        if ((event == NULL || strcmp(event_of(record), event) == 0) && holds(record, word))
            json_array_remove(records, i);
    }
    assert_true(json_array_size(records) < before);
    bundle_write_log(bundle, file, records);
}

static void add(const struct bundle *bundle, const char *file, const char *observer,
                const char *event, json_t *fields)
{
    json_t *records = bundle_log(bundle, file);
    bundle_add_record(records, observer, event, fields);
    bundle_write_log(bundle, file, records);
}

static void set(const struct bundle *bundle, const char *file, const char *event, const char *key,
                json_t *value)
{
    json_t *records = bundle_log(bundle, file);
    json_object_set_new(bundle_record(records, event, NULL, NULL, NULL), key, value);
    bundle_write_log(bundle, file, records);
}

/* Replaces OLD by NEW wherever it stands in a log. */
static void replace(const struct bundle *bundle, const char *file, const char *old, const char *new)
{
    size_t length, done = 0;
    char *text = bundle_read(bundle, file, &length), *out = NULL;
    for (char *at = text, *hit; at != NULL; at = hit == NULL ? NULL : hit + strlen(old)) {
        hit = strstr(at, old);
        size_t plain = hit == NULL ? strlen(at) : (size_t)(hit - at);
        out = realloc(out, done + plain + strlen(new) + 1);
        assert_non_null(out);
        memcpy(out + done, at, plain);
        done += plain;
        if (hit != NULL) {
            memcpy(out + done, new, strlen(new));
            done += strlen(new);
        }
    }
    bundle_write(bundle, file, out, done);
    free(out);
    free(text);
    bundle_write_log(bundle, file, bundle_log(bundle, file));
}

/* ---- receipts ---- */

static void digest_before_last(const char *text, char digest[65])
{
    const char *last = strstr(text, "\"event\":\"live-after\"");
    size_t length = strlen(text);
    if (last != NULL)
        for (length = (size_t)(last - text); length > 0 && text[length - 1] != '\n'; length--)
            continue;
    assert_int_equal(cf_digest_bytes(text, length, digest), 0);
}

static char *receipts_of(const struct bundle *bundle, const char *leg)
{
    char file[128];
    size_t length;
    snprintf(file, sizeof file, AT "%s/harness.jsonl", leg);
    json_t *records = bundle_log(bundle, file);
    json_t *ended = bundle_record(records, "ended", NULL, NULL, NULL);
    char *text = (char *)cf_unescape(json_string_value(json_object_get(ended, "stdout")), &length);
    assert_non_null(text);
    json_decref(records);
    return text;
}

/* The guest printed TEXT instead, and its last request carries the digest of that: a guest that
 * lies does not get its own arithmetic wrong. */
static void print_instead(const struct bundle *bundle, const char *leg, const char *text)
{
    char file[128], old[65], new[65];
    char *before = receipts_of(bundle, leg), *escaped = cf_escape(text, strlen(text));
    digest_before_last(before, old);
    digest_before_last(text, new);
    snprintf(file, sizeof file, AT "%s/harness.jsonl", leg);
    set(bundle, file, "ended", "stdout", json_string(escaped));
    if (strcmp(leg, "subject") == 0 && strcmp(old, new) != 0) {
        replace(bundle, AT "subject/sidecar-0.jsonl", old, new);
        replace(bundle, AT "subject/canary.jsonl", old, new);
    }
    free(before);
    free(escaped);
}

/* Changes the row's receipt: sets KEY of it (of its `priv` when KEY is "caps") to VALUE; without a
 * KEY the receipt goes. */
static void change_receipt(const struct bundle *bundle, const char *leg, const char *key,
                           const char *value)
{
    char *text = receipts_of(bundle, leg), *rest = NULL, *out = NULL;
    size_t size, changed = 0;
    FILE *stream = open_memstream(&out, &size);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *receipt = json_loads(line, 0, NULL);
        const char *row = json_string_value(json_object_get(receipt, "row"));
        if (row != NULL && strcmp(row, "by.tcp4") == 0) {
            changed++;
            if (key != NULL) {
                json_t *in = strcmp(key, "caps") == 0 ? json_object_get(receipt, "priv") : receipt;
                json_object_set_new(in, key, json_string(value));
                json_dumpf(receipt, stream, JSON_COMPACT);
                fputc('\n', stream);
            }
        } else {
            fprintf(stream, "%s\n", line);
        }
        json_decref(receipt);
    }
    fclose(stream);
    assert_true(changed > 0);
    print_instead(bundle, leg, out);
    free(out);
    free(text);
}

static void no_receipt(const struct bundle *bundle)
{
    change_receipt(bundle, "subject", NULL, NULL);
}

static void no_receipt_in_control(const struct bundle *bundle)
{
    change_receipt(bundle, "control", NULL, NULL);
}

static void receipt_of_another_nonce(const struct bundle *bundle)
{
    change_receipt(bundle, "subject", "nonce", "00000000000000000000000000000000");
}

static void receipt_says_crashed(const struct bundle *bundle)
{
    change_receipt(bundle, "subject", "result", "crashed");
}

static void receipt_says_error(const struct bundle *bundle)
{
    change_receipt(bundle, "subject", "result", "error");
}

static void receipt_says_unsupported(const struct bundle *bundle)
{
    change_receipt(bundle, "subject", "result", "unsupported");
}

static void fewer_privileges(const struct bundle *bundle)
{
    change_receipt(bundle, "control", "caps", "000001ffffffffff");
}

static void silent_guest(const struct bundle *bundle)
{
    set(bundle, AT "subject/harness.jsonl", "ended", "stdout", json_string(""));
}

static void never_ended(const struct bundle *bundle)
{
    drop(bundle, AT "subject/harness.jsonl", "ended", "\"ended\"");
}

static void other_receipts_than_sent(const struct bundle *bundle)
{
    char *text = receipts_of(bundle, "subject"), digest[65];
    digest_before_last(text, digest);
    free(text);
    char other[65];
    snprintf(other, sizeof other, "%s", digest);
    other[0] = other[0] == '0' ? '1' : '0';
    replace(bundle, AT "subject/sidecar-0.jsonl", digest, other);
    replace(bundle, AT "subject/canary.jsonl", digest, other);
}

/* ---- the control ---- */

static void control_unheard(const struct bundle *bundle)
{
    drop(bundle, AT "control/canary.jsonl", NULL, nonce_of(bundle, "control"));
}

static void write_capture(const struct bundle *bundle, const char *leg, json_int_t frames)
{
    char file[128];
    snprintf(file, sizeof file, AT "%s/capture.jsonl", leg);
    set(bundle, file, "stats", "frames", json_integer(frames));
}

static void control_not_captured(const struct bundle *bundle)
{
    bundle_delete(bundle, AT "control/capture.pcap");
    bundle_add_frame(bundle, AT "control/capture.pcap", NULL, 0);
    write_capture(bundle, "control", 0);
}

/* ---- allowed requests ---- */

/* Copies the records of FILE that hold WORD, as if another connection had brought them. */
static void repeat(const struct bundle *bundle, const char *file, const char *word)
{
    json_t *records = bundle_log(bundle, file);
    size_t count = json_array_size(records), copied = 0;
    for (size_t i = 0; i < count; i++)
        if (holds(json_array_get(records, i), word)) {
            json_t *copy = json_deep_copy(json_array_get(records, i));
            json_object_set_new(copy, "conn", json_integer(900 + (json_int_t)copied++));
            json_array_append_new(records, copy);
        }
    assert_true(copied > 0);
    bundle_write_log(bundle, file, records);
}

/* Drops every record of the connections in which WORD stands. */
static void drop_connections(const struct bundle *bundle, const char *file, const char *word)
{
    json_t *records = bundle_log(bundle, file);
    for (size_t i = 0; i < json_array_size(records); i++) {
        if (!holds(json_array_get(records, i), word))
            continue;
        json_int_t conn = json_integer_value(json_object_get(json_array_get(records, i), "conn"));
        assert_true(conn > 0);
        for (size_t r = json_array_size(records); r-- > 0;) {
            const json_t *is = json_object_get(json_array_get(records, r), "conn");
            if (json_is_integer(is) && json_integer_value(is) == conn)
                json_array_remove(records, r);
        }
        i = 0;
    }
    bundle_write_log(bundle, file, records);
}

static void live_before_missing(const struct bundle *bundle)
{
    drop_connections(bundle, AT "subject/sidecar-0.jsonl", nonce_of(bundle, "before"));
    drop_connections(bundle, AT "subject/canary.jsonl", nonce_of(bundle, "before"));
}

static void live_after_missing(const struct bundle *bundle)
{
    drop_connections(bundle, AT "subject/sidecar-0.jsonl", nonce_of(bundle, "after"));
    drop_connections(bundle, AT "subject/canary.jsonl", nonce_of(bundle, "after"));
}

static void live_twice(const struct bundle *bundle)
{
    repeat(bundle, AT "subject/sidecar-0.jsonl", nonce_of(bundle, "before"));
    repeat(bundle, AT "subject/canary.jsonl", nonce_of(bundle, "before"));
}

static void live_after_twice(const struct bundle *bundle)
{
    repeat(bundle, AT "subject/sidecar-0.jsonl", nonce_of(bundle, "after"));
    repeat(bundle, AT "subject/canary.jsonl", nonce_of(bundle, "after"));
}

static void live_arrives_twice(const struct bundle *bundle)
{
    repeat(bundle, AT "subject/canary.jsonl", nonce_of(bundle, "after"));
}

static json_t *arrival(const char *via, const char *data)
{
    bool sidecar = strcmp(via, "sidecar") == 0;
    return json_pack("{sssisssissss}", "src", sidecar ? "198.18.1.1" : "203.0.113.2", "sport",
                     61234, "dst", "9.9.9.9", "dport", 443, "via", via, "data", data);
}

static void live_elsewhere(const struct bundle *bundle)
{
    add(bundle, AT "subject/canary.jsonl", "canary", "tcp-data",
        arrival("veth", nonce_of(bundle, "before")));
}

static void live_at_a_honeypot(const struct bundle *bundle)
{
    add(bundle, AT "subject/honeypots.jsonl", "honeypots", "honeypot",
        json_pack("{ssss}", "socket", "/run/docker.sock", "data", nonce_of(bundle, "after")));
}

/* VE-12: the sidecar's log tells less than what arrived upstream. */
static void sidecar_forgot_a_request(const struct bundle *bundle)
{
    drop(bundle, AT "subject/sidecar-0.jsonl", "request", nonce_of(bundle, "before"));
    drop(bundle, AT "subject/sidecar-0.jsonl", "dial", "192.0.2.");
}

static void sidecar_dialled_unasked(const struct bundle *bundle)
{
    add(bundle, AT "subject/canary.jsonl", "canary", "tcp-open", arrival("sidecar", ""));
    add(bundle, AT "subject/canary.jsonl", "canary", "tcp-data", arrival("sidecar", "hello"));
}

/* ---- leaks ---- */

static void leak(const struct bundle *bundle, const char *via, const char *data)
{
    add(bundle, AT "subject/canary.jsonl", "canary", "tcp-data", arrival(via, data));
}

/* VE-07: the guest says refused, and the canary has it. */
static void leak_plain(const struct bundle *bundle)
{
    leak(bundle, "veth", nonce_of(bundle, "attempt"));
}

static void leak_by_way_of_the_sidecar(const struct bundle *bundle)
{
    leak(bundle, "sidecar", nonce_of(bundle, "attempt"));
}

static void leak_base64(const struct bundle *bundle)
{
    unsigned char bytes[CF_NONCE_BYTES + 1] = {'x'}, text[64];
    assert_int_equal(cf_nonce_bytes(nonce_of(bundle, "attempt"), bytes + 1), 0);
    EVP_EncodeBlock(text, bytes, sizeof bytes);
    leak(bundle, "veth", (const char *)text);
}

static void leak_raw(const struct bundle *bundle)
{
    unsigned char bytes[CF_NONCE_BYTES];
    assert_int_equal(cf_nonce_bytes(nonce_of(bundle, "attempt"), bytes), 0);
    char *escaped = cf_escape(bytes, sizeof bytes);
    leak(bundle, "veth", escaped);
    free(escaped);
}

static void leak_reversed_at_a_honeypot(const struct bundle *bundle)
{
    char *nonce = nonce_of(bundle, "attempt"), text[CF_NONCE_TEXT] = "";
    for (int i = 0; i < CF_NONCE_TEXT - 1; i++)
        text[i] = nonce[CF_NONCE_TEXT - 2 - i];
    add(bundle, AT "subject/honeypots.jsonl", "honeypots", "honeypot",
        json_pack("{ssss}", "socket", "lo4_tcp", "data", text));
}

static void leak_in_a_name(const struct bundle *bundle)
{
    json_t *fields = arrival("veth", "");
    json_object_set_new(fields, "qname",
                        json_sprintf("%s.canary.example", nonce_of(bundle, "attempt")));
    add(bundle, AT "subject/canary.jsonl", "canary", "udp", fields);
}

static void leak_in_a_sidecar_header(const struct bundle *bundle)
{
    add(bundle, AT "subject/sidecar-0.jsonl", "sidecar", "request",
        json_pack("{sisss[[ss]]}", "index", 1, "target", "http://192.0.2.1/", "headers", "Cookie",
                  nonce_of(bundle, "attempt")));
}

static void leak_into_a_file(const struct bundle *bundle)
{
    json_t *records = bundle_log(bundle, AT "subject/harness.jsonl");
    json_t *file =
        json_pack("{sisIssssssss}", "seq", 0, "t", (json_int_t)1, "observer", "harness", "event",
                  "file", "path", "/lab/readonly/canary", "data", nonce_of(bundle, "attempt"));
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
    write_capture(bundle, leg, frames + 1);
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
    frame_to(bundle, "9.9.9.9", 17, 9, nonce_of(bundle, "attempt"));
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

/* ---- observers ---- */

static void drops(const struct bundle *bundle)
{
    set(bundle, AT "subject/capture.jsonl", "stats", "drops", json_integer(1));
}

static void drops_in_control(const struct bundle *bundle)
{
    set(bundle, AT "control/capture.jsonl", "stats", "drops", json_integer(1));
}

static void no_drop_counter(const struct bundle *bundle)
{
    drop(bundle, AT "subject/capture.jsonl", "stats", "stats");
}

static void heartbeat(const struct bundle *bundle, const char *leg, const char *label)
{
    char file[128];
    snprintf(file, sizeof file, AT "%s/harness.jsonl", leg);
    json_t *records = bundle_log(bundle, file);
    json_object_set_new(bundle_record(records, "heartbeat", "label", label, NULL), "seen",
                        json_false());
    bundle_write_log(bundle, file, records);
}

static void deaf_at_first(const struct bundle *bundle)
{
    heartbeat(bundle, "subject", "opening");
}

static void deaf_at_last(const struct bundle *bundle)
{
    heartbeat(bundle, "subject", "closing");
}

static void deaf_in_control(const struct bundle *bundle)
{
    heartbeat(bundle, "control", "closing");
}

static void no_closing_heartbeats(const struct bundle *bundle)
{
    drop(bundle, AT "subject/harness.jsonl", "heartbeat", "\"closing\"");
}

static void no_heartbeats(const struct bundle *bundle)
{
    drop(bundle, AT "subject/harness.jsonl", "heartbeat", "\"road\"");
}

static void one_road_never_tried(const struct bundle *bundle)
{
    drop(bundle, AT "subject/harness.jsonl", "heartbeat", "\"lo6_tcp\"");
}

static void no_settle_window(const struct bundle *bundle)
{
    drop(bundle, AT "subject/harness.jsonl", "settled", "\"settled\"");
}

static void observer_never_started(const struct bundle *bundle)
{
    bundle_delete(bundle, AT "subject/honeypots.jsonl");
}

static void observer_died(const struct bundle *bundle)
{
    add(bundle, AT "subject/lab.jsonl", "lab", "observer-exit",
        json_pack("{sssi}", "name", "canary", "status", 137));
}

/* Takes the close record away: the observer was killed. */
static void cut_close(const struct bundle *bundle, const char *file)
{
    size_t length;
    char *text = bundle_read(bundle, file, &length);
    while (length > 1 && text[length - 2] != '\n')
        length--;
    bundle_write(bundle, file, text, length - 1);
    free(text);
}

static void canary_unclosed(const struct bundle *bundle)
{
    cut_close(bundle, AT "subject/canary.jsonl");
}

static void harness_unclosed(const struct bundle *bundle)
{
    cut_close(bundle, AT "subject/harness.jsonl");
}

static void sidecar_unclosed(const struct bundle *bundle)
{
    cut_close(bundle, AT "subject/sidecar-0.jsonl");
}

static void control_canary_unclosed(const struct bundle *bundle)
{
    cut_close(bundle, AT "control/canary.jsonl");
}

static void lab_failed(const struct bundle *bundle)
{
    json_t *launch = bundle_json(bundle, AT "launch.json");
    json_t *legs = json_object_get(launch, "legs");
    json_object_set_new(json_object_get(legs, "subject"), "status", json_integer(70));
    bundle_write_json(bundle, AT "launch.json", launch);
}

static void control_failed(const struct bundle *bundle)
{
    json_t *launch = bundle_json(bundle, AT "launch.json");
    json_t *legs = json_object_get(launch, "legs");
    json_object_set_new(json_object_get(legs, "control"), "status", json_integer(1));
    bundle_write_json(bundle, AT "launch.json", launch);
}

#define FAIL   "FAIL"
#define UNSURE "INCONCLUSIVE"

const struct tamper cf_tampers[] = {
    {"the guest gave no receipt", no_receipt, UNSURE, "no receipt"},
    {"the control gave no receipt", no_receipt_in_control, UNSURE, "control gave no receipt"},
    {"a receipt for another nonce", receipt_of_another_nonce, UNSURE, "no receipt"},
    {"the technique crashed", receipt_says_crashed, UNSURE, "to its end"},
    {"the technique could not be tried", receipt_says_error, UNSURE, "to its end"},
    {"the technique is not supported", receipt_says_unsupported, UNSURE, "to its end"},
    {"the guest had fewer privileges", fewer_privileges, UNSURE, "fewer privileges"},
    {"the guest printed nothing", silent_guest, UNSURE, "no receipt"},
    {"the guest's end was not seen", never_ended, UNSURE, "no receipt"},
    {"other receipts than were sent", other_receipts_than_sent, UNSURE, "digest of the receipts"},

    {"the control was not heard", control_unheard, UNSURE, "not heard by canary"},
    {"the control was not captured", control_not_captured, UNSURE, "not heard by capture"},

    {"no allowed request before", live_before_missing, UNSURE, "did not go through"},
    {"no allowed request after", live_after_missing, UNSURE, "did not go through"},
    {"an allowed request twice", live_twice, FAIL, "seen 2 times"},
    {"the last request twice", live_after_twice, FAIL, "seen 2 times"},
    {"a request arrives twice", live_arrives_twice, FAIL, ""},
    {"an allowed nonce on another road", live_elsewhere, FAIL, "another road"},
    {"an allowed nonce at a honeypot", live_at_a_honeypot, FAIL, "another road"},
    {"the sidecar forgot a request (VE-12)", sidecar_forgot_a_request, FAIL, ""},
    {"the sidecar dialled unasked (VE-12)", sidecar_dialled_unasked, FAIL, ""},

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

    {"the capture dropped a frame", drops, UNSURE, "dropped"},
    {"the control's capture dropped a frame", drops_in_control, UNSURE, "dropped"},
    {"no drop counter", no_drop_counter, UNSURE, "counter"},
    {"an observer deaf from the start", deaf_at_first, UNSURE, "deaf"},
    {"an observer deaf at the end", deaf_at_last, UNSURE, "deaf"},
    {"an observer deaf in the control", deaf_in_control, UNSURE, "deaf"},
    {"no closing heartbeats: their frames are nobody's", no_closing_heartbeats, FAIL, "nobody's"},
    {"no heartbeats at all", no_heartbeats, FAIL, "nobody's"},
    {"one road without heartbeats", one_road_never_tried, UNSURE, "lo6_tcp"},
    {"no settle window", no_settle_window, UNSURE, "settle"},
    {"an observer never started", observer_never_started, UNSURE, "honeypots"},
    {"an observer died", observer_died, UNSURE, "canary"},
    {"a canary log without its end", canary_unclosed, UNSURE, "closed"},
    {"a harness log without its end", harness_unclosed, UNSURE, "closed"},
    {"a sidecar log without its end", sidecar_unclosed, UNSURE, "closed"},
    {"a control log without its end", control_canary_unclosed, UNSURE, "closed"},
    {"the subject's lab failed", lab_failed, UNSURE, "lab failed"},
    {"the control's lab failed", control_failed, UNSURE, "lab failed"},
};
const size_t cf_tamper_count = sizeof cf_tampers / sizeof cf_tampers[0];

void cf_tamper_all(const char *from)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < cf_tamper_count; i++) {
        const struct tamper *tamper = &cf_tampers[i];
        struct bundle bundle;
        char why[512];
        bundle_copy(&bundle, from);
        tamper->apply(&bundle);
        bundle_seal(&bundle, "net");
        if (!bundle_is(&bundle, "by.tcp4", tamper->verdict, tamper->word, why, sizeof why)) {
            print_error("  %s: %s\n", tamper->name, why);
            wrong++;
        }
        bundle_remove(&bundle);
    }
    if (wrong > 0)
        fail_msg("%u of %zu changes were judged wrongly", wrong, cf_tamper_count);
}
