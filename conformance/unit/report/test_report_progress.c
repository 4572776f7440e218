/* Progress, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/report.h"

static uint64_t clock_ms;

static uint64_t test_clock(void)
{
    return clock_ms * 1000000u;
}

static struct cf_progress begin(FILE *out, bool terminal)
{
    struct cf_progress progress;
    cf_report_progress_begin(&progress, out);
    progress.terminal = terminal;
    progress.now = test_clock;
    progress.printed = test_clock();
    return progress;
}

static void test_plain_lines_are_rare(void **state)
{
    (void)state;
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    clock_ms = 5000;
    struct cf_progress progress = begin(file, false);
    for (size_t i = 0; i < 50; i++, clock_ms += 100)
        cf_report_progress(&progress, "observing", "net", i, 50);
    cf_report_progress_end(&progress);
    fclose(file);
    assert_string_equal(out, "observing net (20/50)…\nobserving net (40/50)…\n");
    free(out);
}

static void test_one_line_on_a_terminal(void **state)
{
    (void)state;
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    struct cf_progress progress = begin(file, true);
    cf_report_progress(&progress, "observing", "net\n\x1b[2J", 1, 16);
    cf_report_progress_end(&progress);
    cf_report_progress_end(&progress);
    fclose(file);
    assert_string_equal(out, "\r\033[Kobserving net\\x0a\\x1b[2J (1/16)…\r\033[K");
    free(out);
}

static void test_a_long_name_does_not_wrap(void **state)
{
    (void)state;
    char *out = NULL, name[300];
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct cf_progress progress = begin(file, true);
    cf_report_progress(&progress, "observing", name, 1, 16);
    fclose(file);
    assert_int_equal(length, strlen("\r\033[K") + 78 + strlen("…"));
    free(out);
}

static void test_a_pipe_is_no_terminal(void **state)
{
    (void)state;
    struct cf_progress progress;
    FILE *file = tmpfile();
    cf_report_progress_begin(&progress, file);
    assert_false(progress.terminal);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_lines_are_rare),
        cmocka_unit_test(test_one_line_on_a_terminal),
        cmocka_unit_test(test_a_long_name_does_not_wrap),
        cmocka_unit_test(test_a_pipe_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
