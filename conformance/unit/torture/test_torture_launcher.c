/*
 * firma-run, with every call of it failed once: a launch ends in time, with the runner's status or
 * with 125 and one line that says why, and leaves nothing that the next launch does not sweep away.
 */
#include "../launcher/bed.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "points.h"

static struct bed bed;
static const char *const *words;
static int wanted;

/* In the child. A verb comes first, then the options. */
_Noreturn static void become_firma_run(const int out[2], const int err[2])
{
    const char *argv[32] = {bed.firma_run};
    const char *options[] = {"--runtime-dir", bed.runtime, "--cwd", bed.cwd};
    size_t count = 1, next = 0;
    if (words[0][0] != '-')
        argv[count++] = words[next++];
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        argv[count++] = options[i];
    while (words[next] != NULL && count < 31)
        argv[count++] = words[next++];
    bed_place(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
    bed_place(out[1], 1);
    bed_place(err[1], 2);
    execve(bed.firma_run, (char *const *)argv, bed.environment);
    _exit(99);
}

static void run(void *context, struct torture_outcome *outcome)
{
    int out[2], err[2];
    (void)context;
    bed_set(&bed, "FIRMA_TORTURE", torture_path());
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0)
        become_firma_run(out, err);
    close(out[1]);
    close(err[1]);
    torture_collect(pid, out[0], err[0], outcome);
}

static const char *judge(void *context, const struct torture_outcome *outcome)
{
    static struct torture_outcome again;
    const struct torture_subject *subject = context;
    const char *wrong = torture_judge(subject, wanted, outcome);
    if (wrong != NULL || bed_is_clean(&bed))
        return wrong;
    memset(&again, 0, sizeof again);
    run(NULL, &again);
    return bed_is_clean(&bed) ? NULL : "the next launch leaves it";
}

static void try_words(const char *const *these, int status, unsigned turns)
{
    struct torture_subject subject = {"firma-run", turns, &subject, run, judge};
    words = these;
    wanted = status;
    torture(&subject);
}

static int set_up(void **state)
{
    (void)state;
    bed_open(&bed);
    strcpy(strrchr(bed.firma_run, '/'), "/../unit/torture/firma-run");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bed_close(&bed);
    return 0;
}

static void test_launch(void **state)
{
    (void)state;
    try_words(WORDS("--", "/bin/true"), 42, 3);
}

static void test_check(void **state)
{
    (void)state;
    try_words(WORDS("check"), 0, 2);
}

static void test_contract(void **state)
{
    (void)state;
    try_words(WORDS("contract", "--", "/bin/true"), 0, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_launch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_contract, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("torture.launcher", tests, NULL, NULL);
}
