/* The files a report is made of, read back: complete, in order, and nothing but them touched. */
#include <dirent.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/report.h"
#include "sample.h"

static const char *const reports[] = {"conformance.json", "junit.xml", "events.jsonl",
                                      "capture.pcap", "summary.md"};

static int setup(void **state)
{
    static struct sample sample;
    sample_make(&sample);
    sample_put(&sample, "launches/net/control/canary.jsonl",
               "{\"seq\":0,\"t\":10,\"observer\":\"canary\",\"event\":\"open\"}\n"
               "{\"seq\":1,\"t\":30,\"observer\":\"canary\",\"event\":\"udp\"}\n");
    sample_put(
        &sample, "launches/net/subject/canary.jsonl",
        "{\"seq\":0,\"t\":20,\"observer\":\"canary\",\"event\":\"open\",\"lab\":\"forged\"}\n"
        "{\"seq\":1,\"t\":30,\"observer\":\"canary\",\"event\":\"udp\"}\n"
        "{\"seq\":2,\"t\":5,\"observer\":\"canary\",\"event\":\"late\"}\n");
    sample_capture(&sample, "launches/net/control/capture.pcap", DLT_EN10MB, 100, 3, 3, "control");
    sample_capture(&sample, "launches/net/subject/capture.pcap", DLT_EN10MB, 100, 2, 3, "subject");
    *state = &sample;
    return 0;
}

static int teardown(void **state)
{
    sample_remove(*state);
    return 0;
}

static void write_sample(const struct sample *sample)
{
    json_t *result = sample_result();
    struct cf_error err = {0};
    int code = cf_report_write(sample->dir, result, &err);
    json_decref(result);
    if (code != 0)
        fail_msg("%s", err.text);
}

static void assert_line(char **rest, int t, const char *lab, const char *file)
{
    char *line = strsep(rest, "\n");
    json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_integer_value(json_object_get(record, "t")), t);
    assert_string_equal(json_string_value(json_object_get(record, "lab")), lab);
    assert_string_equal(json_string_value(json_object_get(record, "file")), file);
    assert_string_equal(json_string_value(json_object_get(record, "launch")), "net");
    json_decref(record);
}

static void test_events_by_time(void **state)
{
    static const char control[] = "launches/net/control/canary.jsonl";
    static const char subject[] = "launches/net/subject/canary.jsonl";
    write_sample(*state);
    char *text = sample_read(*state, "events.jsonl"), *rest = text;
    assert_line(&rest, 5, "subject", subject);
    assert_line(&rest, 10, "control", control);
    assert_line(&rest, 20, "subject", subject);
    assert_line(&rest, 30, "control", control);
    assert_line(&rest, 30, "subject", subject);
    assert_string_equal(rest, "");
    free(text);
}

static void test_damaged_lines_are_noted(void **state)
{
    sample_put(*state, "launches/net/subject/harness.jsonl",
               "not json <b>\n"
               "{\"t\":1,\"t\":2}\n"
               "{\"t\":\"soon\"}\n"
               "[]\n"
               "\xff\n"
               "{\"seq\":9,\"t\":40,\"event\":\"kept\"}\n"
               "{\"t\":1,\"event\":\"cu");
    write_sample(*state);
    char *text = sample_read(*state, "events.jsonl");
    assert_int_equal(sample_count(text, "\"note\":\"skipped\""), 6);
    assert_int_equal(sample_count(text, "\"event\":\"kept\""), 1);
    const char *last = strstr(text, "\"event\":\"kept\"");
    assert_non_null(strstr(last, "\"line\":7"));
    assert_null(strstr(text, "<b>"));
    free(text);
    text = sample_read(*state, "summary.md");
    assert_int_equal(sample_count(text, "- file launches/net/subject/harness.jsonl, line "), 6);
    free(text);
}

static void test_capture_by_time(void **state)
{
    static const long times[] = {2, 3, 4, 6, 6, 9};
    const struct sample *sample = *state;
    char path[256], text[PCAP_ERRBUF_SIZE];
    write_sample(sample);
    snprintf(path, sizeof path, "%s/capture.pcap", sample->dir);
    pcap_t *capture =
        pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
    assert_non_null(capture);
    assert_int_equal(pcap_datalink(capture), DLT_EN10MB);
    struct pcap_pkthdr *header;
    const u_char *bytes;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_int_equal(pcap_next_ex(capture, &header, &bytes), 1);
        assert_int_equal(header->ts.tv_sec, 100);
        assert_int_equal(header->ts.tv_usec, times[i]);
        assert_memory_equal(bytes + 42, times[i] % 3 == 0 && i != 4 ? "control" : "subject", 7);
    }
    assert_int_equal(pcap_next_ex(capture, &header, &bytes), PCAP_ERROR_BREAK);
    pcap_close(capture);
}

static void test_captures_that_cannot_be_merged(void **state)
{
    const struct sample *sample = *state;
    char path[256];
    sample_capture(sample, "launches/net/subject/raw.pcap", DLT_RAW, 1, 1, 1, "x");
    sample_put(sample, "launches/net/subject/text.pcap", "no capture");
    snprintf(path, sizeof path, "%s/launches/net/control/capture.pcap", sample->dir);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - 5), 0);
    write_sample(sample);
    char *text = sample_read(sample, "events.jsonl");
    assert_int_equal(sample_count(text, "\"note\":\"skipped\""), 3);
    assert_int_equal(sample_count(text, "another link type"), 1);
    free(text);
}

static void test_nothing_observed(void **state)
{
    const struct sample *sample = *state;
    static const char *const files[] = {
        "launches/net/control/canary.jsonl", "launches/net/subject/canary.jsonl",
        "launches/net/control/capture.pcap", "launches/net/subject/capture.pcap"};
    char path[256];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", sample->dir, files[i]);
        assert_int_equal(unlink(path), 0);
    }
    write_sample(sample);
    char *text = sample_read(sample, "events.jsonl");
    assert_string_equal(text, "");
    free(text);
    assert_null(sample_read(sample, "capture.pcap"));
}

static void test_modes_and_no_leftovers(void **state)
{
    const struct sample *sample = *state;
    mode_t mask = umask(077);
    write_sample(sample);
    write_sample(sample); /* a second time replaces the first */
    umask(mask);
    char path[256];
    struct stat status;
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", sample->dir, reports[i]);
        assert_int_equal(lstat(path, &status), 0);
        assert_true(S_ISREG(status.st_mode));
        assert_int_equal(status.st_mode & 07777, 0644);
    }
    size_t entries = 0;
    DIR *dir = opendir(sample->dir);
    while (readdir(dir) != NULL)
        entries++;
    closedir(dir);
    assert_int_equal(entries, 2 + 1 + sizeof reports / sizeof reports[0]);
}

/* A link at each report's name, and at a log's and a lab's: its target keeps its content, and what
 * lies behind the link is not read. */
static void test_planted_links(void **state)
{
    const struct sample *sample = *state;
    char path[256], target[256], inside[256];
    snprintf(target, sizeof target, "%s/outside", sample->top);
    FILE *file = fopen(target, "w");
    fputs("{\"t\":1,\"event\":\"mine\"}\n", file);
    fclose(file);
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", sample->dir, reports[i]);
        assert_int_equal(symlink(target, path), 0);
    }
    snprintf(path, sizeof path, "%s/launches/net/subject/z.jsonl", sample->dir);
    assert_int_equal(symlink(target, path), 0);
    snprintf(inside, sizeof inside, "%s/launches/net/subject", sample->dir);
    snprintf(path, sizeof path, "%s/launches/net/linked", sample->dir);
    assert_int_equal(symlink(inside, path), 0);
    write_sample(sample);
    struct stat status;
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", sample->dir, reports[i]);
        assert_int_equal(lstat(path, &status), 0);
        assert_true(S_ISREG(status.st_mode));
    }
    char *text = sample_read(sample, "../outside");
    assert_string_equal(text, "{\"t\":1,\"event\":\"mine\"}\n");
    free(text);
    text = sample_read(sample, "events.jsonl");
    assert_null(strstr(text, "mine"));
    assert_null(strstr(text, "linked"));
    assert_int_equal(sample_count(text, "\"note\":\"skipped\""), 1);
    free(text);
}

static void test_a_fifo_does_not_block(void **state)
{
    const struct sample *sample = *state;
    char path[256];
    snprintf(path, sizeof path, "%s/launches/net/subject/fifo.jsonl", sample->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    write_sample(sample);
    char *text = sample_read(sample, "events.jsonl");
    assert_int_equal(sample_count(text, "\"note\":\"skipped\""), 1);
    free(text);
}

static void test_a_directory_in_the_way(void **state)
{
    const struct sample *sample = *state;
    char path[256];
    snprintf(path, sizeof path, "%s/summary.md", sample->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    json_t *result = sample_result();
    struct cf_error err = {0};
    assert_int_equal(cf_report_write(sample->dir, result, &err), -CF_E_SYSTEM);
    assert_non_null(strstr(err.text, "summary.md"));
    json_decref(result);
    DIR *dir = opendir(sample->dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        assert_null(strstr(entry->d_name, ".summary.md."));
    closedir(dir);
}

static void test_what_is_no_result(void **state)
{
    const struct sample *sample = *state;
    struct cf_error err = {0};
    json_t *result = json_pack("{s:s}", "rows", "many");
    assert_int_equal(cf_report_write(sample->dir, result, &err), -CF_E_BUNDLE);
    json_decref(result);
    result = sample_result();
    assert_int_equal(cf_report_write("/nonexistent/run", result, &err), -CF_E_BUNDLE);
    assert_non_null(strstr(err.text, "/nonexistent/run"));
    json_decref(result);
}

static void test_conformance_json_is_the_result(void **state)
{
    json_t *result = sample_result();
    struct cf_error err = {0};
    sample_poison(result, SAMPLE_HOSTILE, strlen(SAMPLE_HOSTILE));
    assert_int_equal(cf_report_write(((struct sample *)*state)->dir, result, &err), 0);
    char *text = sample_read(*state, "conformance.json");
    json_t *read = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_equal(read, result));
    for (const char *at = text; *at != '\0'; at++)
        assert_true(*at == '\n' || (*at >= 0x20 && (unsigned char)*at < 0x80));
    free(text);
    json_decref(read);
    json_decref(result);
}

/* jansson takes such strings from a careless caller and then cannot write them. */
static void test_strings_that_are_not_utf8(void **state)
{
    static const char bytes[] = "a\0b\xff\xc0\xaf";
    json_t *result = sample_result();
    struct cf_error err = {0};
    sample_poison(result, bytes, sizeof bytes - 1);
    assert_int_equal(cf_report_write(((struct sample *)*state)->dir, result, &err), 0);
    char *text = sample_read(*state, "conformance.json");
    json_t *read = json_loads(text, 0, NULL);
    const char *reason = json_string_value(json_object_get(sample_row(read, "by.udp4"), "reason"));
    assert_string_equal(reason, "a\\x00b\\xff\\xc0\\xaf");
    free(text);
    json_decref(read);
    json_decref(result);
}

/* Table rows keep their cells, and no line begins something the page's author did not. */
static void test_summary_is_safe_markdown(void **state)
{
    json_t *result = sample_result();
    struct cf_error err = {0};
    sample_poison(result, SAMPLE_HOSTILE, strlen(SAMPLE_HOSTILE));
    assert_int_equal(cf_report_write(((struct sample *)*state)->dir, result, &err), 0);
    char *text = sample_read(*state, "summary.md"), *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        assert_null(strpbrk(line, "<>`~@\r\t\x1b\x7f\\"));
        size_t pipes = sample_count(line, "|");
        if (line[0] == '|')
            assert_true(pipes == 3 || pipes == 5);
        else
            assert_non_null(strchr("#-0123456789TSR", line[0])); /* or the line is empty */
    }
    free(text);
    json_decref(result);
}

static void test_summary_says_what_matters(void **state)
{
    write_sample(*state);
    char *text = sample_read(*state, "summary.md");
    static const char *const parts[] = {
        "# Conformance: FAIL\n",
        "5 rows planned, 1 PASS, 1 FAIL, 2 INCONCLUSIVE, 1 NOT_APPLICABLE.\n",
        "| runner SHA-256 | aa11 |\n",
        "| launcher SHA-256 | bb22 |\n",
        "| register SHA-256 | cc33 |\n",
        "- problem: an invariant without a PASS row: dns_confined\n",
        ("- seen: tcp to 1.1.1.1:443 carried the nonce — [launches/net/subject/canary.jsonl 1]"
         "(launches/net/subject/canary.jsonl)\n"),
        "| by.tcp4 | MUST | **FAIL** | TCP does not leave |\n",
        "| by.udp4 | MUST | PASS | UDP does not leave |\n",
        "| xx.new | MUST | **INCONCLUSIVE** | ? |\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(text, parts[i]) == NULL)
            fail_msg("missing: %s", parts[i]);
    free(text);
}

/* Beside the run lies what the suite was last shown to find. Of another register, or no matrix at
 * all, it says nothing of this run. */
static void test_summary_names_the_matrix(void **state)
{
    static const char row[] = "| matrix of this register | score 97 % ";
    static const struct {
        const char *json;
        int lines;
    } beside[] = {
        {"{\"schema\":\"firma-matrix/1\",\"register_sha256\":\"cc33\",\"score\":\"score 97 %\"}",
         1},
        {"{\"schema\":\"firma-matrix/1\",\"register_sha256\":\"cc34\",\"score\":\"score 97 %\"}",
         0},
        {"{\"schema\":\"firma-matrix/2\",\"register_sha256\":\"cc33\",\"score\":\"score 97 %\"}",
         0},
        {"{\"schema\":\"firma-matrix/1\",\"register_sha256\":\"cc33\",\"score\":97}", 0},
        {"no JSON", 0},
    };
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        sample_put(*state, "../matrix.json", beside[i].json);
        write_sample(*state);
        char *text = sample_read(*state, "summary.md");
        assert_int_equal(sample_count(text, row), beside[i].lines);
        free(text);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_events_by_time),
        TEST(test_damaged_lines_are_noted),
        TEST(test_capture_by_time),
        TEST(test_captures_that_cannot_be_merged),
        TEST(test_nothing_observed),
        TEST(test_modes_and_no_leftovers),
        TEST(test_planted_links),
        TEST(test_a_fifo_does_not_block),
        TEST(test_a_directory_in_the_way),
        TEST(test_what_is_no_result),
        TEST(test_conformance_json_is_the_result),
        TEST(test_strings_that_are_not_utf8),
        TEST(test_summary_is_safe_markdown),
        TEST(test_summary_says_what_matters),
        TEST(test_summary_names_the_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
