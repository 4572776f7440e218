/* What a guest can make the launcher write down has an end. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/log.h"

static void test_requests_are_logged_up_to_a_number(void **state)
{
    (void)state;
    char path[] = "/tmp/firma-log-XXXXXX", line[256], last[256] = "";
    struct firma_log log;
    struct firma_error err = {0};
    unsigned lines = 0;
    close(mkstemp(path));
    assert_int_equal(firma_log_open(&log, path, &err), 0);
    for (unsigned i = 0; i < FIRMA_LOG_REQUESTS + 1000; i++)
        firma_log_request(&log, "GET example.org 200");
    firma_log(&log, "the runner ended");
    firma_log_close(&log);
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        lines++;
        if (lines == FIRMA_LOG_REQUESTS + 1)
            memcpy(last, line, sizeof last);
    }
    fclose(in);
    unlink(path);
    assert_int_equal(lines, FIRMA_LOG_REQUESTS + 2);
    assert_non_null(strstr(last, "later ones are not logged"));
    assert_non_null(strstr(line, "the runner ended"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_logged_up_to_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
