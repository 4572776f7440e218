/* test_recorded_linux.c - runs that were really observed, then changed: each change is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "recorded_linux.h"
#include "tampers.h"

#define FAIL   "FAIL"
#define UNSURE "INCONCLUSIVE"

static struct recorded {
    struct bundle below, run;
} confined, bare;

static int record(void **state)
{
    static const char *const rows[] = {"by.tcp4",
                                       "io.exit-42",
                                       "io.echo",
                                       "fs.kernel-missing",
                                       "fs.contract-truncated",
                                       "ct.no-secrets",
                                       "fr.sidecar-killed-tcp4",
                                       NULL};
    static const char *const leaky[] = {"by.tcp4", NULL};
    (void)state;
    recorded_run(&confined.below, &confined.run, "namespace", rows, 0);
    recorded_run(&bare.below, &bare.run, "null", leaky, 1);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    bundle_remove(&confined.below);
    bundle_remove(&bare.below);
    return 0;
}

static void the_confined_run_passes(void **state)
{
    (void)state;
    bundle_expect(&confined.run, "by.tcp4", "PASS", "every leg holds");
    bundle_expect(&confined.run, "io.exit-42", "PASS", "every leg holds");
    bundle_expect(&confined.run, "fs.kernel-missing", "PASS", "every leg holds");
    bundle_expect(&confined.run, "fr.sidecar-killed-tcp4", "PASS", "every leg holds");
}

static void every_change_is_judged_for_what_it_is(void **state)
{
    (void)state;
    cf_tamper_all(confined.run.dir, cf_tamper_is_noticed);
}

/* ---- the null runner ---- */

static void the_null_runner_fails(void **state)
{
    (void)state;
    bundle_expect(&bare.run, "by.tcp4", FAIL, "reached canary");
    bundle_expect(&bare.run, "by.tcp4", FAIL, "frame");
}

/* Whatever is done to the evidence of a leak, it does not become evidence of confinement. */
static void no_change_acquits(void **state)
{
    (void)state;
    cf_tamper_all(bare.run.dir, cf_tamper_acquits_nobody);
}

/* ---- rows of the other kinds: one record changed or gone ---- */

struct change {
    const char *row, *launch, *file, *event, *key, *value; /* the record; KEY NULL: any */
    const char *set;                                       /* NULL: the record goes */
    const char *json;                                      /* the new value */
    const char *verdict, *word;
};

static const struct change CHANGES[] = {
    {"io.exit-42", "stdio", "subject/harness", "run", "case", "exit-42", "exit", "0", FAIL, "42"},
    {"io.exit-42", "stdio", "subject/harness", "run", "case", "exit-42", "timed_out", "true", FAIL,
     "never ended"},
    {"io.exit-42", "stdio", "subject/harness", "run", "case", "exit-42", "stuck", "\"await:x\"",
     FAIL, "never got past"},
    {"io.exit-42", "stdio", "subject/harness", "run", "case", "exit-42", NULL, NULL, UNSURE,
     "was not run"},
    {"io.exit-42", "stdio", "control/harness", "run", "case", "exit-42", NULL, NULL, UNSURE,
     "did not run"},
    {"io.exit-42", "stdio", "control/harness", "run", "case", "exit-42", "exit", "0", UNSURE, ""},
    {"io.echo", "stdio", "subject/harness", "run", "case", "echo", "stdout_sha256", "\"00\"", FAIL,
     ""},
    {"io.echo", "stdio", "subject/harness", "run", "case", "echo", "stdout_bytes", "7", FAIL, ""},
    {"fs.kernel-missing", "refuse", "subject/harness", "refusal", "row", "fs.kernel-missing",
     "exit", "0", FAIL, "status 0"},
    {"fs.kernel-missing", "refuse", "subject/harness", "refusal", "row", "fs.kernel-missing",
     "timed_out", "true", FAIL, "within"},
    {"fs.kernel-missing", "refuse", "subject/harness", "refusal", "row", "fs.kernel-missing",
     "exit", "134", FAIL, "not 125"},
    {"fs.kernel-missing", "refuse", "subject/harness", "refusal", "row", "fs.kernel-missing",
     "stderr", "\"\"", FAIL, "no reason"},
    {"fs.kernel-missing", "refuse", "subject/harness", "refusal", "row", "fs.kernel-missing",
     "survivors", "[{\"pid\":7}]", FAIL, "outlived"},
    {"fs.kernel-missing", "refuse", "subject/harness", "refusal", "row", "fs.kernel-missing", NULL,
     NULL, UNSURE, "was not made"},
    {"fs.kernel-missing", "refuse", "subject/harness", "refusal", "row", "fs.kernel-missing",
     "spawned", "true", FAIL, "spawned"},
    {"fs.kernel-missing", "refuse", "control/harness", "baseline", "by", "recorder", NULL, NULL,
     UNSURE, "did not spawn"},
    {"fs.kernel-missing", "refuse", "control/harness", "baseline", "by", "recorder", "spawned",
     "false", UNSURE, "did not spawn"},
    {"fs.contract-truncated", "refuse_runner", "control/harness", "baseline", "by", "runner", NULL,
     NULL, UNSURE, "did not run"},
    {"fs.contract-truncated", "refuse_runner", "control/harness", "baseline", "by", "runner",
     "exit", "125", UNSURE, "did not run"},
    {"fs.contract-truncated", "refuse_runner", "control/harness", "baseline", "by", "runner",
     "stdout", "\"\"", UNSURE, "did not run"},
    {"fs.contract-truncated", "refuse_runner", "subject/harness", "refusal", "row",
     "fs.contract-truncated", "exit", "0", FAIL, "status 0"},
    {"fr.sidecar-killed-tcp4", "outage", "subject/harness", "ended", NULL, NULL, NULL, NULL, UNSURE,
     "no receipt"},
};

static void change_one(const struct change *change)
{
    struct bundle copy;
    char file[128];
    size_t at;
    bundle_copy(&copy, confined.run.dir);
    snprintf(file, sizeof file, "launches/%s/%s.jsonl", change->launch, change->file);
    json_t *records = bundle_log(&copy, file);
    json_t *found = bundle_record(records, change->event, change->key, change->value, &at);
    if (change->set == NULL)
        json_array_remove(records, at);
    else
        json_object_set_new(found, change->set, json_loads(change->json, JSON_DECODE_ANY, NULL));
    bundle_write_log(&copy, file, records);
    bundle_seal(&copy, change->launch);
    bundle_expect(&copy, change->row, change->verdict, change->word);
    bundle_remove(&copy);
}

static void every_kind_notices_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CHANGES / sizeof CHANGES[0]; i++)
        change_one(&CHANGES[i]);
}

/* The command that must not run leaves its mark on stdout: only then is it known to have run. */
static void a_marker_on_stdout_convicts(void **state)
{
    (void)state;
    struct bundle copy;
    bundle_copy(&copy, confined.run.dir);
    json_t *launch = bundle_json(&copy, "launches/refuse/launch.json");
    const json_t *row = json_array_get(json_object_get(launch, "rows"), 0);
    json_t *records = bundle_log(&copy, "launches/refuse/subject/harness.jsonl");
    json_t *refusal = bundle_record(records, "refusal", NULL, NULL, NULL);
    json_object_set(refusal, "stdout", json_object_get(row, "attempt"));
    bundle_write_log(&copy, "launches/refuse/subject/harness.jsonl", records);
    bundle_seal(&copy, "refuse");
    bundle_expect(&copy, "fs.kernel-missing", FAIL, "the command ran");
    json_decref(launch);
    bundle_remove(&copy);
}

/* A receipt that does not carry the nonce handed out after the fault may be older than it. */
static void a_receipt_from_before_the_fault_is_none(void **state)
{
    (void)state;
    struct bundle copy;
    bundle_copy(&copy, confined.run.dir);
    json_t *launch = bundle_json(&copy, "launches/outage/launch.json");
    const char *fault = json_string_value(json_object_get(launch, "fault"));
    size_t size;
    char *text = bundle_read(&copy, "launches/outage/subject/harness.jsonl", &size);
    assert_non_null(strstr(text, fault));
    for (char *at = strstr(text, fault); at != NULL; at = strstr(at, fault))
        memset(at, '0', strlen(fault));
    bundle_write(&copy, "launches/outage/subject/harness.jsonl", text, size);
    bundle_write_log(&copy, "launches/outage/subject/harness.jsonl",
                     bundle_log(&copy, "launches/outage/subject/harness.jsonl"));
    bundle_seal(&copy, "outage");
    bundle_expect(&copy, "fr.sidecar-killed-tcp4", UNSURE, "after the fault");
    free(text);
    json_decref(launch);
    bundle_remove(&copy);
}

/* Only the sidecar that the harness killed may have left its log open. */
static void the_restored_sidecar_owes_its_end(void **state)
{
    (void)state;
    static const char *const files[] = {"launches/outage/subject/sidecar-0.jsonl",
                                        "launches/outage/subject/sidecar-1.jsonl"};
    for (int i = 0; i < 2; i++) {
        struct bundle copy;
        bundle_copy(&copy, confined.run.dir);
        size_t size;
        char *text = bundle_read(&copy, files[i], &size);
        char *close = strstr(text, "\"event\":\"close\"");
        if (i == 0)
            assert_null(close);
        else
            assert_non_null(close);
        if (close != NULL) {
            while (close[-1] != '\n')
                close--;
            bundle_write(&copy, files[i], text, (size_t)(close - text));
            bundle_seal(&copy, "outage");
            bundle_expect(&copy, "fr.sidecar-killed-tcp4", UNSURE, "closed");
        }
        free(text);
        bundle_remove(&copy);
    }
}

static void a_launch_from_another_run_is_not_this_ones(void **state)
{
    (void)state;
    struct bundle copy, other;
    static const char *const files[] = {
        "launch.json",           "control/canary.jsonl",    "control/capture.jsonl",
        "control/capture.pcap",  "control/honeypots.jsonl", "control/harness.jsonl",
        "control/lab.jsonl",     "control/sidecar-0.jsonl", "subject/canary.jsonl",
        "subject/capture.jsonl", "subject/capture.pcap",    "subject/honeypots.jsonl",
        "subject/harness.jsonl", "subject/lab.jsonl",       "subject/sidecar-0.jsonl"};
    bundle_copy(&copy, bare.run.dir);
    bundle_copy(&other, confined.run.dir);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char file[128];
        size_t size;
        snprintf(file, sizeof file, "launches/net/%s", files[i]);
        char *bytes = bundle_read(&other, file, &size);
        bundle_write(&copy, file, bytes, size);
        free(bytes);
    }
    bundle_expect(&copy, "by.tcp4", UNSURE, "not of this invocation");
    bundle_seal(&copy, "net"); /* even when run.json is made to know it */
    bundle_expect(&copy, "by.tcp4", UNSURE, "not of this invocation");
    bundle_remove(&copy);
    bundle_remove(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_confined_run_passes),
        cmocka_unit_test(every_change_is_judged_for_what_it_is),
        cmocka_unit_test(the_null_runner_fails),
        cmocka_unit_test(no_change_acquits),
        cmocka_unit_test(every_kind_notices_its_own),
        cmocka_unit_test(a_marker_on_stdout_convicts),
        cmocka_unit_test(a_receipt_from_before_the_fault_is_none),
        cmocka_unit_test(the_restored_sidecar_owes_its_end),
        cmocka_unit_test(a_launch_from_another_run_is_not_this_ones),
    };
    return cmocka_run_group_tests_name("judge.recorded", tests, record, forget);
}
