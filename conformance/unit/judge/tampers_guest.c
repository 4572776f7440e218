/* tampers_guest.c - what the guest reports, its control, and its allowed requests. */
#include "tamper_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/escape.h"

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
    tamper_set(bundle, file, "ended", "stdout", json_string(escaped));
    if (strcmp(leg, "subject") == 0 && strcmp(old, new) != 0) {
        tamper_replace(bundle, AT "subject/sidecar-0.jsonl", old, new);
        tamper_replace(bundle, AT "subject/canary.jsonl", old, new);
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
    tamper_set(bundle, AT "subject/harness.jsonl", "ended", "stdout", json_string(""));
}

static void never_ended(const struct bundle *bundle)
{
    tamper_drop(bundle, AT "subject/harness.jsonl", "ended", "\"ended\"");
}

static void other_receipts_than_sent(const struct bundle *bundle)
{
    char *text = receipts_of(bundle, "subject"), digest[65];
    digest_before_last(text, digest);
    free(text);
    char other[65];
    snprintf(other, sizeof other, "%s", digest);
    other[0] = other[0] == '0' ? '1' : '0';
    tamper_replace(bundle, AT "subject/sidecar-0.jsonl", digest, other);
    tamper_replace(bundle, AT "subject/canary.jsonl", digest, other);
}

/* ---- the control ---- */

static void control_unheard(const struct bundle *bundle)
{
    tamper_drop(bundle, AT "control/canary.jsonl", NULL, tamper_nonce(bundle, "control"));
}

static void control_not_captured(const struct bundle *bundle)
{
    bundle_delete(bundle, AT "control/capture.pcap");
    bundle_add_frame(bundle, AT "control/capture.pcap", NULL, 0);
    tamper_count_frames(bundle, "control", 0);
}

/* ---- allowed requests ---- */

/* Copies the records of FILE that hold WORD, as if another connection had brought them. */
static void repeat(const struct bundle *bundle, const char *file, const char *word)
{
    json_t *records = bundle_log(bundle, file);
    size_t count = json_array_size(records), copied = 0;
    for (size_t i = 0; i < count; i++)
        if (tamper_holds(json_array_get(records, i), word)) {
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
        if (!tamper_holds(json_array_get(records, i), word))
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
    drop_connections(bundle, AT "subject/sidecar-0.jsonl", tamper_nonce(bundle, "before"));
    drop_connections(bundle, AT "subject/canary.jsonl", tamper_nonce(bundle, "before"));
}

static void live_after_missing(const struct bundle *bundle)
{
    drop_connections(bundle, AT "subject/sidecar-0.jsonl", tamper_nonce(bundle, "after"));
    drop_connections(bundle, AT "subject/canary.jsonl", tamper_nonce(bundle, "after"));
}

static void live_twice(const struct bundle *bundle)
{
    repeat(bundle, AT "subject/sidecar-0.jsonl", tamper_nonce(bundle, "before"));
    repeat(bundle, AT "subject/canary.jsonl", tamper_nonce(bundle, "before"));
}

static void live_after_twice(const struct bundle *bundle)
{
    repeat(bundle, AT "subject/sidecar-0.jsonl", tamper_nonce(bundle, "after"));
    repeat(bundle, AT "subject/canary.jsonl", tamper_nonce(bundle, "after"));
}

static void live_arrives_twice(const struct bundle *bundle)
{
    repeat(bundle, AT "subject/canary.jsonl", tamper_nonce(bundle, "after"));
}

static void live_elsewhere(const struct bundle *bundle)
{
    tamper_add(bundle, AT "subject/canary.jsonl", "canary", "tcp-data",
               tamper_arrival("veth", tamper_nonce(bundle, "before")));
}

static void live_at_a_honeypot(const struct bundle *bundle)
{
    tamper_add(
        bundle, AT "subject/honeypots.jsonl", "honeypots", "honeypot",
        json_pack("{ssss}", "socket", "/run/docker.sock", "data", tamper_nonce(bundle, "after")));
}

/* VE-12: the sidecar's log tells less than what arrived upstream. */
static void sidecar_forgot_a_request(const struct bundle *bundle)
{
    tamper_drop(bundle, AT "subject/sidecar-0.jsonl", "request", tamper_nonce(bundle, "before"));
    tamper_drop(bundle, AT "subject/sidecar-0.jsonl", "dial", "192.0.2.");
}

static void sidecar_dialled_unasked(const struct bundle *bundle)
{
    tamper_add(bundle, AT "subject/canary.jsonl", "canary", "tcp-open",
               tamper_arrival("sidecar", ""));
    tamper_add(bundle, AT "subject/canary.jsonl", "canary", "tcp-data",
               tamper_arrival("sidecar", "hello"));
}

const struct tamper cf_tampers_guest[] = {
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
    {NULL, NULL, NULL, NULL},
};
