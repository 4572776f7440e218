/* The terminal's table: what stands where, how wide, and that nothing hostile gets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/report.h"
#include "report/text.h"
#include "sample.h"

static char *table(const json_t *result, bool colour)
{
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    cf_report_table(file, "reports/r1", result, colour);
    fclose(file);
    return out;
}

static void test_rows_and_reasons(void **state)
{
    static const char *const lines[] = {
        "direct_bypass_resistant  1 of 2\n",
        "  by.tcp4   FAIL          TCP does not leave\n"
        "    └ tcp to 1.1.1.1:443 carried the nonce  "
        "launches/net/subject/canary.jsonl #1 (+1)\n",
        "  by.udp4   PASS          UDP does not leave\n",
        "  dn.udp    INCONCLUSIVE  DNS does not leave\n"
        "    └ attempt: no receipt\n",
        "  io.tty    N/A           A terminal stays one\n"
        "    └ no terminal here\n",
        "  xx.new    INCONCLUSIVE  ?\n", /* its verdict is "pass", which is no verdict */
        "5 planned: 1 PASS, 1 FAIL, 2 INCONCLUSIVE, 1 N/A  (12.3 s)\n",
        "problem: an invariant without a PASS row: dns_confined\n",
        "FAIL: at least one row failed, with evidence\n",
        "report: reports/r1/summary.md\n",
    };
    (void)state;
    json_t *result = sample_result();
    char *text = table(result, false);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(text, lines[i]) == NULL)
            fail_msg("missing:\n%s\nin:\n%s", lines[i], text);
    /* The register's order, what it does not know last. */
    assert_true(strstr(text, "dns_confined  0 of 1") < strstr(text, "direct_bypass_resistant"));
    assert_true(strstr(text, "preserve_stdio") < strstr(text, "of_tomorrow"));
    free(text);
    json_decref(result);
}

static void test_hostile_strings_stay_in_their_line(void **state)
{
    (void)state;
    json_t *result = sample_result();
    char *calm = table(result, false);
    sample_poison(result, SAMPLE_HOSTILE SAMPLE_HOSTILE SAMPLE_HOSTILE, 3 * strlen(SAMPLE_HOSTILE));
    char *text = table(result, false), *rest = text;
    /* one more: the row without a reason has one now */
    assert_int_equal(sample_count(text, "\n"), sample_count(calm, "\n") + 1);
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        for (const char *at = line; *at != '\0'; at++)
            assert_false((unsigned char)*at < 0x20 || *at == 0x7f);
        if (line[0] == ' ')
            assert_in_range(cf_text_columns(line), 1, 100);
    }
    free(calm);
    free(text);
    json_decref(result);
}

static void test_colour_is_the_only_escape(void **state)
{
    (void)state;
    json_t *result = sample_result();
    sample_poison(result, SAMPLE_HOSTILE, strlen(SAMPLE_HOSTILE));
    char *plain = table(result, false), *text = table(result, true), *to = text;
    assert_null(strchr(plain, '\x1b'));
    assert_non_null(strstr(text, "\x1b[1;31mFAIL        \x1b[0m"));
    for (const char *from = text; *from != '\0';) {
        if (*from == '\x1b')
            from += strcspn(from, "m") + 1;
        else
            *to++ = *from++;
    }
    *to = '\0';
    assert_string_equal(text, plain);
    free(plain);
    free(text);
    json_decref(result);
}

static void test_headlines(void **state)
{
    static const struct {
        int exit;
        const char *line;
    } cases[] = {
        {0, "\nPASS: "},          {1, "\nFAIL: "},          {2, "\nINCONCLUSIVE: "},
        {3, "\nHARNESS ERROR: "}, {7, "\nHARNESS ERROR: "},
    };
    (void)state;
    json_t *result = sample_result();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_object_set_new(result, "exit", json_integer(cases[i].exit));
        char *text = table(result, false);
        assert_non_null(strstr(text, cases[i].line));
        free(text);
    }
    json_object_set_new(result, "exit", json_string("0"));
    char *text = table(result, false);
    assert_non_null(strstr(text, "\nHARNESS ERROR: "));
    free(text);
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_reasons),
        cmocka_unit_test(test_hostile_strings_stay_in_their_line),
        cmocka_unit_test(test_colour_is_the_only_escape),
        cmocka_unit_test(test_headlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
