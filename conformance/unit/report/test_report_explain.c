/* The reviewer's view of one row, on a run directory made by hand. */
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/report.h"
#include "sample.h"

static const char launch[] =
    "{\"rows\":[{\"id\":\"by.tcp4\",\"control\":\"" SAMPLE_CONTROL
    "\",\"attempt\":\"" SAMPLE_ATTEMPT
    "\",\"addr\":\"1.1.1.1\",\"port\":443},{\"id\":\"by.udp4\",\"control\":\"x\",\"attempt\":7}],"
    "\"live\":{\"before\":\"" SAMPLE_BEFORE "\",\"after\":\"" SAMPLE_AFTER "\"}}";

static const char harness[] =
    "{\"seq\":0,\"t\":1000000,\"observer\":\"harness\",\"event\":\"open\"}\n"
    "{\"seq\":1,\"t\":2000000,\"observer\":\"harness\",\"event\":\"heartbeat\",\"label\":"
    "\"opening\","
    "\"road\":\"tcp4\",\"address\":\"10.1.1.1\",\"port\":80,\"seen\":true}\n"
    "{\"seq\":2,\"t\":2100000,\"observer\":\"harness\",\"event\":\"heartbeat\",\"label\":"
    "\"opening\","
    "\"road\":\"udp6\",\"address\":\"2001:db8::9\",\"port\":81,\"seen\":false}\n"
    "{\"seq\":3,\"t\":5000000,\"observer\":\"harness\",\"event\":\"command\",\"argv\":[\"/lab/bin/"
    "firma-run\",\"--\",\"sh\",\"-c\",\"echo \\\\x1b it's\"],\"env\":[\"A=b c\",\"PATH=/bin\"]}\n"
    "{\"seq\":4,\"t\":6000000,\"observer\":\"harness\",\"event\":\"contract\",\"path\":\"/"
    "x\",\"text\":"
    "\"{\\\\x0a  \\\"version\\\": 1\\\\x0a}\"}\n"
    "{\"seq\":5,\"t\":9000000,\"observer\":\"harness\",\"event\":\"ended\",\"exit\":0,"
    "\"stdout\":\"{\\\"row\\\":\\\"by.tcp4\\\"}\"}\n"
    "{\"seq\":6,\"t\":9100000,\"observer\":\"harness\",\"event\":\"noise\",\"about\":\"by.tcp4-"
    "late\"}\n";

static int setup(void **state)
{
    static struct sample sample;
    sample_make(&sample);
    sample_put(&sample, "launches/net/launch.json", launch);
    sample_put(&sample, "launches/net/subject/harness.jsonl", harness);
    sample_put(
        &sample, "launches/net/control/canary.jsonl",
        "{\"seq\":0,\"t\":100,\"observer\":\"canary\",\"event\":\"open\"}\n"
        "{\"seq\":1,\"t\":1500100,\"observer\":\"canary\",\"event\":\"tcp-data\",\"data\":\"GET "
        "/" SAMPLE_CONTROL "\"}\n");
    sample_put(
        &sample, "launches/net/subject/canary.jsonl",
        "{\"seq\":0,\"t\":1000000,\"observer\":\"canary\",\"event\":\"open\"}\n"
        "{\"seq\":1,\"t\":7250000,\"observer\":\"canary\",\"event\":\"tcp-open\",\"dst\":"
        "\"1.1.1.1\",\"dport\":443}\n"
        "{\"seq\":2,\"t\":7300000,\"observer\":\"canary\",\"event\":\"udp\",\"dst\":\"9.9.9.9\","
        "\"dport\":53,\"data\":\"/FEDCBA9876543210FEDCBA9876543210 \\\\x1b[31m\"}\n"
        "{\"seq\":3,\"t\":7400000,\"observer\":\"canary\",\"event\":\"udp\",\"dst\":\"8.8.8.8\","
        "\"dport\":53,\"data\":\"unrelated\"}\n"
        "{\"seq\":4,\"t\":7500000,\"observer\":\"sidecar\u202e\",\"event\":\"request\","
        "\"target\":\"http://x/" SAMPLE_BEFORE "\"}\n"
        "broken\n");
    sample_capture(&sample, "launches/net/subject/capture.pcap", DLT_EN10MB, 3661, 500000, 2,
                   "GET / HTTP/1.0\r\n" SAMPLE_ATTEMPT "\x1b and more than fits on the line");
    *state = &sample;
    return 0;
}

static int teardown(void **state)
{
    sample_remove(*state);
    return 0;
}

static char *explain(const struct sample *sample, json_t *result, const char *row)
{
    char *out = NULL;
    size_t length = 0;
    struct cf_error err = {0};
    FILE *file = open_memstream(&out, &length);
    int code = cf_report_explain(file, sample->dir, result, row, &err);
    fclose(file);
    if (code != 0)
        fail_msg("%s", err.text);
    for (const char *at = out; *at != '\0'; at++)
        assert_true(*at == '\n' || (unsigned char)*at >= 0x20);
    assert_null(strstr(out, "\u202e"));
    return out;
}

static void assert_parts(const char *text, const char *const parts[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(text, parts[i]) == NULL)
            fail_msg("missing:\n%s\nin:\n%s", parts[i], text);
}

static void test_everything_about_a_row(void **state)
{
    static const char *const parts[] = {
        "row        by.tcp4\nverdict    FAIL\n",
        "why        tcp to 1.1.1.1:443 carried the nonce\n",
        "source     BY-01\n",
        "violations\n  launches/net/subject/canary.jsonl #1: tcp to 1.1.1.1:443 carried the "
        "nonce\n",
        "command (launches/net/subject/harness.jsonl #3)\n  env -i \\\n      'A=b c' \\\n"
        "      PATH=/bin \\\n    /lab/bin/firma-run -- sh -c $'echo \\x1b it\\'s'\n",
        "contract (launches/net/subject/harness.jsonl #4)\n  {\n    \"version\": 1\n  }\n",
        "leg control: ok: heard by canary\n  nonce " SAMPLE_CONTROL "\n"
        "  destination 1.1.1.1 port 443\n"
        "  evidence launches/net/control/canary.jsonl #1\n"
        "        +1.500 ms  control  canary       #1    tcp-data  data=GET /" SAMPLE_CONTROL "\n",
        "leg live-before: ok: went through\n  nonce " SAMPLE_BEFORE "\n"
        "        +2.500 ms  subject  canary       #4    request  target=http://x/",
        "        +2.250 ms  subject  canary       #1    tcp-open  dst=1.1.1.1  dport=443\n",
        "        +2.300 ms  subject  canary       #2    udp  dst=9.9.9.9",
        "        +4.000 ms  subject  harness      #5    ended  exit=0",
        "leg live-after: MISSING: no request\n  nonce " SAMPLE_AFTER "\n  no event\n",
        "subject lab, opening: 1 of 2 heartbeats seen\n    NOT SEEN: udp6 to 2001:db8::9 port 81\n",
        "packets (launches/net/subject/capture.pcap)\n  #1     01:01:01.000500Z  "
        "203.0.113.2:4000 → 1.1.1.1:443  udp  ",
        "\"GET / HTTP/1.0\\x0d\\x0afedcba9876543210fedcba9876543210\"…\n",
        "  2 of 2 frames are the row's\n",
        "left out\n  launches/net/subject/canary.jsonl line 6: not JSON\n",
    };
    json_t *result = sample_result();
    char *text = explain(*state, result, "by.tcp4");
    assert_parts(text, parts, sizeof parts / sizeof parts[0]);
    assert_null(strstr(text, "unrelated"));
    assert_null(strstr(text, "by.tcp4-late"));
    free(text);
    json_decref(result);
}

/* In a launch with a command for each row, only the row's own is shown. */
static void test_the_command_of_a_row(void **state)
{
    sample_put(
        *state, "launches/net/subject/harness.jsonl",
        "{\"seq\":1,\"t\":1,\"event\":\"contract\",\"text\":\"first\"}\n"
        "{\"seq\":2,\"t\":2,\"event\":\"command\",\"argv\":[\"first\"],\"env\":[]}\n"
        "{\"seq\":3,\"t\":3,\"event\":\"refusal\",\"row\":\"by.tcp4\",\"exit\":1,\"ms\":1}\n"
        "{\"seq\":4,\"t\":4,\"event\":\"command\",\"argv\":[\"second\"],\"env\":[]}\n"
        "{\"seq\":5,\"t\":5,\"event\":\"refusal\",\"row\":\"by.udp4\",\"exit\":1,\"ms\":1}\n");
    json_t *result = sample_result();
    char *text = explain(*state, result, "by.udp4");
    assert_null(strstr(text, "first"));
    assert_int_equal(sample_count(text, "second"), 1);
    free(text);
    text = explain(*state, result, "by.tcp4");
    assert_int_equal(sample_count(text, "first"), 2);
    assert_null(strstr(text, "second"));
    free(text);
    json_decref(result);
}

static void test_without_evidence(void **state)
{
    static const char *const parts[] = {
        "no capture of this launch\n", "launches/signals/launch.json: No such file or directory\n"};
    json_t *result = sample_result();
    char *text = explain(*state, result, "io.tty");
    assert_parts(text, parts, 2);
    free(text);
    json_decref(result);
}

static void test_hostile_strings(void **state)
{
    json_t *result = sample_result();
    sample_poison(result, SAMPLE_HOSTILE, strlen(SAMPLE_HOSTILE));
    json_object_set_new(sample_row(result, "by.tcp4"), "launch", json_string("net"));
    char *text = explain(*state, result, "by.tcp4");
    assert_non_null(strstr(text, "\\x1b[31m\\x07\\x0a"));
    free(text);
    free(explain(*state, result, "by.udp4")); /* its launch is the hostile string */
    json_object_set_new(sample_row(result, "by.udp4"), "launch", json_string("../../outside"));
    text = explain(*state, result, "by.udp4");
    assert_non_null(strstr(text, "launches/../../outside/launch.json: Invalid argument"));
    free(text);
    json_decref(result);
}

static void test_an_unknown_row(void **state)
{
    json_t *result = sample_result();
    struct cf_error err = {0};
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    int code = cf_report_explain(file, ((struct sample *)*state)->dir, result, "by.tcp5", &err);
    fclose(file);
    assert_int_equal(code, -CF_E_USAGE);
    assert_string_equal(err.text, "by.tcp5: this run has no such row");
    assert_string_equal(out, "");
    free(out);
    json_decref(result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_everything_about_a_row), TEST(test_the_command_of_a_row),
        TEST(test_without_evidence),       TEST(test_hostile_strings),
        TEST(test_an_unknown_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
