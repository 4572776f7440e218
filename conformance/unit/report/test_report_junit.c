/* junit.xml as another program reads it: xmllint, when it is installed. */
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/report.h"
#include "sample.h"

extern char **environ;

static int setup(void **state)
{
    static struct sample sample;
    sample_make(&sample);
    *state = &sample;
    return 0;
}

static int teardown(void **state)
{
    sample_remove(*state);
    return 0;
}

/* Runs `xmllint --nonet WORD… junit.xml`; its output in OUT. Returns its status, 127 without it. */
static int xmllint(const struct sample *sample, const char *option, const char *value,
                   char out[65536])
{
    char path[256];
    snprintf(path, sizeof path, "%s/junit.xml", sample->dir);
    const char *argv[] = {
        "xmllint", "--nonet", option, value == NULL ? path : value, value == NULL ? NULL : path,
        NULL};
    int ends[2], status = 0;
    pid_t pid;
    assert_int_equal(pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    int code = posix_spawnp(&pid, argv[0], &actions, NULL, (char **)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got;
         code == 0 && used < 65535 && (got = read(ends[0], out + used, 65535 - used)) > 0;)
        used += (size_t)got;
    out[used] = '\0';
    close(ends[0]);
    if (code != 0)
        return 127;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_sample(const struct sample *sample, json_t *result)
{
    struct cf_error err = {0};
    if (cf_report_write(sample->dir, result, &err) != 0)
        fail_msg("%s", err.text);
    char out[65536];
    int code = xmllint(sample, "--noout", NULL, out);
    if (code == 127)
        skip();
    assert_int_equal(code, 0);
}

static void assert_xpath(const struct sample *sample, const char *path, const char *expected)
{
    char out[65536];
    assert_int_equal(xmllint(sample, "--xpath", path, out), 0);
    out[strcspn(out, "\n")] = '\0';
    if (strcmp(out, expected) != 0)
        fail_msg("%s is \"%s\", not \"%s\"", path, out, expected);
}

static void test_verdicts_and_counts(void **state)
{
    static const char *const cases[][2] = {
        {"string(/testsuites/@tests)", "6"}, /* five rows and a problem */
        {"string(/testsuites/@failures)", "1"},
        {"string(/testsuites/@errors)", "3"},
        {"string(/testsuites/@skipped)", "1"},
        {"string(/testsuites/@time)", "12.345"},
        {"count(//testcase)", "6"},
        {"count(//failure)", "1"},
        {"count(//error)", "3"},
        {"count(//skipped)", "1"},
        {"sum(//testsuite/@tests)", "6"},
        {"sum(//testsuite/@failures)", "1"},
        {"sum(//testsuite/@errors)", "3"},
        {"sum(//testsuite/@skipped)", "1"},
        {"string(//testsuite[1]/@name)", "run"},
        {"string(//testsuite[2]/@name)", "dns_confined"},
        {"string(//testsuite[5]/@name)", "of_tomorrow"},
        {"string(//testcase[@name='by.tcp4']/failure/@message)",
         "tcp to 1.1.1.1:443 carried the nonce"},
        {"string(//testcase[@name='dn.udp']/error/@message)", "attempt: no receipt"},
        {"string(//testcase[@name='io.tty']/skipped/@message)", "no terminal here"},
        {"count(//testcase[@name='by.udp4']/*)", "1"},
        {"count(//testcase[@name='xx.new']/error)", "1"},
    };
    json_t *result = sample_result();
    write_sample(*state, result);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_xpath(*state, cases[i][0], cases[i][1]);
    json_decref(result);
}

static void test_hostile_strings(void **state)
{
    json_t *result = sample_result();
    sample_poison(result, SAMPLE_HOSTILE, strlen(SAMPLE_HOSTILE));
    json_object_set_new(sample_row(result, "dn.udp"), "id", json_string(SAMPLE_HOSTILE));
    json_object_set_new(sample_row(result, "io.tty"), "invariant", json_string(SAMPLE_HOSTILE));
    write_sample(*state, result);
    assert_xpath(*state, "count(//testcase)", "6");
    assert_xpath(*state, "string(//testcase[@name='by.tcp4']/failure/@message)",
                 "<b>&\"'`|*_[x](http://h)#!\\ ]]> -->\\x1b[31m\\x07\\x0a\\x0d\\x09\\x7f"
                 "\\u{202e}\\u{2028}\\u{ffff}\\u{1f600} @all");
    json_decref(result);
}

static void test_bytes_that_are_not_utf8(void **state)
{
    static const char bytes[] = "a\0b\xff\xed\xa0\x80]]>";
    json_t *result = sample_result();
    sample_poison(result, bytes, sizeof bytes - 1);
    write_sample(*state, result);
    assert_xpath(*state, "string(//testcase[@name='io.tty']/skipped/@message)",
                 "a\\x00b\\xff\\xed\\xa0\\x80]]>");
    json_decref(result);
}

/* Every byte, every pair of an ASCII byte and markup: the document stays well-formed. */
static void test_every_byte(void **state)
{
    char bytes[256 * 4];
    size_t used = 0;
    for (int i = 0; i < 256; i++) {
        bytes[used++] = (char)i;
        bytes[used++] = '<';
        bytes[used++] = (char)i;
        bytes[used++] = '&';
    }
    json_t *result = sample_result();
    sample_poison(result, bytes, used);
    write_sample(*state, result);
    json_decref(result);
}

/* A run that ended badly without a row that says so is not green in a CI either. */
static void test_a_silent_failure_is_an_error(void **state)
{
    json_t *result = sample_result();
    json_array_clear(json_object_get(result, "rows"));
    json_array_clear(json_object_get(result, "problems"));
    json_object_set_new(result, "exit", json_integer(2));
    write_sample(*state, result);
    assert_xpath(*state, "string(/testsuites/@errors)", "1");
    json_object_set_new(result, "exit", json_integer(0));
    write_sample(*state, result);
    assert_xpath(*state, "string(/testsuites/@errors)", "0");
    json_object_del(result, "exit");
    write_sample(*state, result);
    assert_xpath(*state, "string(/testsuites/@errors)", "1");
    json_decref(result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_verdicts_and_counts),          TEST(test_hostile_strings),
        TEST(test_bytes_that_are_not_utf8),      TEST(test_every_byte),
        TEST(test_a_silent_failure_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
