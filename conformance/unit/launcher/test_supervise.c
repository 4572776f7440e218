/* From the spawn to the end: the R lines of the field's defects, and L13, L14. */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bed.h"

static struct bed *bed_of(void **state)
{
    return *state;
}

/* Starts unit_command VERB and waits until it says it is ready. */
static void start_ready(const struct bed *bed, struct bed_run *run, const char *verb)
{
    char line[64];
    bed_start(bed, run, WORDS("--", bed->unit_command, verb));
    assert_true(bed_line(run->out, line, sizeof line));
    assert_string_equal(line, "ready");
}

static void expect_line(const struct bed_run *run, const char *expected)
{
    char line[256];
    bed_line(run->out, line, sizeof line);
    assert_string_equal(line, expected);
}

static void close_in(struct bed_run *run)
{
    close(run->in);
    run->in = -1;
}

/* The pid in the status line "started". */
static pid_t started_pid(const struct bed_run *run)
{
    char line[8192];
    const char *at = NULL;
    while (at == NULL && bed_line(run->status, line, sizeof line))
        at = strstr(line, "\"pid\":");
    assert_non_null(at);
    return at == NULL ? -1 : (pid_t)atoi(at + 6);
}

static pid_t parent_of(pid_t pid)
{
    char path[64];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %*s %*c %d", &parent), 1);
    fclose(file);
    return parent;
}

static void test_R1_every_exit_code_is_the_commands(void **state)
{
    for (int code = 0; code < 256; code++) {
        char text[16];
        snprintf(text, sizeof text, "%d", code);
        assert_int_equal(bed_run(bed_of(state),
                                 WORDS("--", bed_of(state)->unit_command, "exit", text), NULL,
                                 NULL),
                         code);
    }
}

static void test_R1_death_by_signal_is_128_plus_its_number(void **state)
{
    static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGABRT,
                                  SIGKILL, SIGUSR1, SIGSEGV, SIGPIPE, SIGTERM};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", numbers[i]);
        assert_int_equal(bed_run(bed_of(state),
                                 WORDS("--", bed_of(state)->unit_command, "die", text), NULL, NULL),
                         128 + numbers[i]);
    }
}

static void test_R2_term_is_forwarded_and_a_repeat_kills(void **state)
{
    struct bed_run run;
    start_ready(bed_of(state), &run, "deaf");
    kill(run.pid, SIGTERM);
    assert_int_equal(poll(&(struct pollfd){.fd = run.out, .events = POLLIN}, 1, 100), 0);
    kill(run.pid, SIGTERM);
    assert_int_equal(bed_wait(&run), 128 + SIGKILL);
    assert_true(bed_is_clean(bed_of(state)));
}

static void test_R2_a_different_signal_does_not_escalate(void **state)
{
    struct bed_run run;
    start_ready(bed_of(state), &run, "deaf");
    kill(run.pid, SIGTERM);
    assert_int_equal(poll(&(struct pollfd){.fd = run.out, .events = POLLIN}, 1, 50), 0);
    kill(run.pid, SIGINT);
    assert_int_equal(poll(&(struct pollfd){.fd = run.out, .events = POLLIN}, 1, 50), 0);
    close_in(&run);
    assert_int_equal(bed_wait(&run), 0);
}

static void test_R2_the_end_of_terms_grace_kills(void **state)
{
    struct bed_run run;
    char line[64];
    bed_start(bed_of(state), &run,
              WORDS("--grace", "1", "--", bed_of(state)->unit_command, "deaf"));
    assert_true(bed_line(run.out, line, sizeof line));
    kill(run.pid, SIGTERM);
    assert_int_equal(bed_wait(&run), 128 + SIGKILL);
}

/* Time itself is what is tested here: the command must outlive the grace period. */
static void test_R2_the_end_of_ints_grace_only_forgets(void **state)
{
    struct bed_run run;
    char line[64];
    bed_start(bed_of(state), &run,
              WORDS("--grace", "1", "--", bed_of(state)->unit_command, "deaf"));
    assert_true(bed_line(run.out, line, sizeof line));
    for (int round = 0; round < 2; round++) {
        kill(run.pid, SIGINT);
        assert_int_equal(poll(&(struct pollfd){.fd = run.out, .events = POLLIN}, 1, 1300), 0);
    }
    close_in(&run);
    assert_int_equal(bed_wait(&run), 0);
}

static void test_R3_window_changes_are_forwarded(void **state)
{
    struct bed_run run;
    char expected[16];
    start_ready(bed_of(state), &run, "signals");
    snprintf(expected, sizeof expected, "%d", SIGWINCH);
    for (int i = 0; i < 3; i++) {
        kill(run.pid, SIGWINCH);
        expect_line(&run, expected);
    }
    close_in(&run);
    assert_int_equal(bed_wait(&run), 0);
}

static void test_R4_every_signal_of_the_table_arrives_exactly_once(void **state)
{
    static const int numbers[] = {SIGHUP,  SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH,
                                  SIGCONT, SIGTSTP, SIGINT,  SIGTERM};
    struct bed_run run;
    char rest[256];
    start_ready(bed_of(state), &run, "signals");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "%d", numbers[i]);
        kill(run.pid, numbers[i]);
        expect_line(&run, expected);
    }
    close_in(&run);
    assert_int_equal(bed_rest(run.out, rest, sizeof rest), 0);
    assert_int_equal(bed_wait(&run), 0);
}

/* Started with USR1 blocked and HUP ignored: the runner gets exactly that, not our own mask. */
static void test_R5_mask_and_dispositions_are_what_we_were_started_with(void **state)
{
    char out[4096];
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &before);
    signal(SIGHUP, SIG_IGN);
    int status =
        bed_run(bed_of(state), WORDS("--", bed_of(state)->unit_command, "mask"), out, NULL);
    signal(SIGHUP, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    char expected[64];
    snprintf(expected, sizeof expected, "ignored %d\nblocked %d\n", SIGHUP, SIGUSR1);
    assert_string_equal(out, expected);
    assert_int_equal(status, 0);
}

/* A TERM at any moment of the start ends it, and leaves neither process nor directory. */
static void test_R5_a_signal_during_the_start_is_never_lost(void **state)
{
    struct bed *bed = bed_of(state);
    for (int step = 0; step < 60; step++) {
        struct bed_run run;
        char ignored[4096];
        bed_start(bed, &run, WORDS("--", bed->unit_command, "closed"));
        usleep((useconds_t)step * 400); /* no synchronisation: the moment is what varies */
        kill(run.pid, SIGTERM);
        bed_rest(run.err, ignored, sizeof ignored);
        int end = bed_wait(&run);
        assert_true(end == 128 + SIGTERM || end == 1000 + SIGTERM);
        bed_reap_all();
        assert_true(bed_is_clean(bed));
    }
}

/* The contract has more bytes than a file may have: SIGXFSZ must not end what has to tidy up. */
static void test_a_full_file_is_a_refusal_that_leaves_nothing(void **state)
{
    struct rlimit before, small;
    char err[4096];
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 512, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    int end = bed_run(bed_of(state), WORDS("--", "/bin/true"), NULL, err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(end, 125);
    assert_non_null(strstr(err, "firma-run: system: cannot write vz-guest-launch.json"));
    assert_true(bed_is_clean(bed_of(state)));
}

static void test_R8_interrupt_without_terminal_is_130(void **state)
{
    struct bed_run run;
    start_ready(bed_of(state), &run, "closed");
    kill(run.pid, SIGINT);
    assert_int_equal(bed_wait(&run), 130);
}

static void test_R8_runner_exit_codes_126_and_127_pass_through(void **state)
{
    assert_int_equal(bed_run(bed_of(state), WORDS("--", "/nonexistent/command"), NULL, NULL), 127);
    assert_int_equal(bed_run(bed_of(state), WORDS("--", bed_of(state)->cwd), NULL, NULL), 126);
}

/* stdout ends only when nobody holds it: a detached survivor would keep it open. */
static void test_R12_nothing_outlives_the_command(void **state)
{
    char out[4096];
    assert_int_equal(
        bed_run(bed_of(state), WORDS("--", bed_of(state)->unit_command, "detach-exit"), out, NULL),
        0);
    assert_string_equal(out, "ready\n");
    assert_true(bed_is_clean(bed_of(state)));
}

enum victim { LAUNCHER, GUARDIAN, RUNNER };

static void kill_one(void **state, enum victim victim, int expected)
{
    struct bed *bed = bed_of(state);
    struct bed_run run;
    char rest[256];
    start_ready(bed, &run, "detach");
    pid_t runner = started_pid(&run);
    pid_t victims[] = {run.pid, parent_of(runner), runner};
    kill(victims[victim], SIGKILL);
    assert_int_equal(bed_rest(run.out, rest, sizeof rest), 0);
    assert_int_equal(bed_wait(&run), expected);
    bed_reap_all();
    assert_true(bed_is_clean(bed));
}

static void test_R12_launcher_killed_nothing_survives(void **state)
{
    kill_one(state, LAUNCHER, 1000 + SIGKILL);
}

static void test_R12_guardian_killed_nothing_survives(void **state)
{
    kill_one(state, GUARDIAN, FIRMA_EXIT_OWN_FAILURE);
}

static void test_R12_runner_killed_nothing_survives(void **state)
{
    kill_one(state, RUNNER, 128 + SIGKILL);
}

/* Both killed at one stroke: the directory stays, and goes with the next launch. */
static void test_R12_next_launch_sweeps_what_two_kills_left(void **state)
{
    struct bed *bed = bed_of(state);
    struct bed_run run;
    start_ready(bed, &run, "closed");
    pid_t guardian = parent_of(started_pid(&run));
    kill(guardian, SIGSTOP);
    kill(run.pid, SIGKILL);
    kill(guardian, SIGKILL);
    bed_wait(&run);
    bed_reap_all();
    assert_false(bed_is_clean(bed));
    assert_int_equal(bed_run(bed, WORDS("--", bed->unit_command, "exit", "0"), NULL, NULL), 0);
    /* The root was there before this launch, so it stays; empty. */
    assert_true(bed_is_clean(bed));
}

static void test_kept_directories_are_not_swept(void **state)
{
    struct bed *bed = bed_of(state);
    assert_int_equal(
        bed_run(bed, WORDS("--keep", "--", bed->unit_command, "exit", "0"), NULL, NULL), 0);
    assert_int_equal(bed_run(bed, WORDS("--", bed->unit_command, "exit", "0"), NULL, NULL), 0);
    assert_false(bed_is_clean(bed));
}

static void test_stop_and_continue_are_mirrored(void **state)
{
    struct bed_run run;
    int status;
    start_ready(bed_of(state), &run, "closed");
    kill(run.pid, SIGTSTP);
    assert_int_equal(waitpid(run.pid, &status, WUNTRACED), run.pid);
    assert_true(WIFSTOPPED(status));
    kill(run.pid, SIGCONT);
    close_in(&run);
    assert_int_equal(bed_wait(&run), 7);
}

/* The runner itself is stopped and continued, from outside: the launcher goes along. */
static void test_stop_and_continue_of_the_runner_take_the_launcher_along(void **state)
{
    struct bed_run run;
    int status;
    start_ready(bed_of(state), &run, "closed");
    pid_t runner = started_pid(&run);
    kill(runner, SIGSTOP);
    assert_int_equal(waitpid(run.pid, &status, WUNTRACED), run.pid);
    assert_true(WIFSTOPPED(status));
    kill(runner, SIGCONT);
    assert_int_equal(waitpid(run.pid, &status, WCONTINUED), run.pid);
    assert_true(WIFCONTINUED(status));
    close_in(&run);
    assert_int_equal(bed_wait(&run), 7);
}

static void test_runner_killed_while_stopped_ends_the_launcher(void **state)
{
    struct bed_run run;
    int status;
    start_ready(bed_of(state), &run, "closed");
    pid_t runner = started_pid(&run);
    kill(runner, SIGSTOP);
    assert_int_equal(waitpid(run.pid, &status, WUNTRACED), run.pid);
    kill(runner, SIGKILL);
    assert_int_equal(bed_wait(&run), 128 + SIGKILL);
}

/* A command that closes its output is seen to have closed it: no copy is left with us. */
static void test_output_closed_by_the_command_ends_at_once(void **state)
{
    struct bed_run run;
    char rest[64];
    start_ready(bed_of(state), &run, "closed");
    assert_int_equal(bed_rest(run.out, rest, sizeof rest), 0);
    assert_int_equal(waitpid(run.pid, NULL, WNOHANG), 0);
    close_in(&run);
    assert_int_equal(bed_wait(&run), 7);
}

static void test_L13_proof_comes_after_every_check_and_before_the_spawn(void **state)
{
    struct bed *bed = bed_of(state);
    struct bed_run run;
    char text[8192];
    bed_start(bed, &run, WORDS("--", bed->unit_command, "exit", "3"));
    bed_rest(run.status, text, sizeof text);
    const char *proof = strstr(text, "{\"event\":\"proof\"");
    const char *started = strstr(text, "{\"event\":\"started\"");
    const char *exited = strstr(text, "{\"event\":\"exited\",\"code\":3,\"by\":\"command\"}");
    assert_true(proof == text && started > proof && exited > started);
    assert_int_equal(bed_wait(&run), 3);

    bed_set(bed, "FIRMA_RUN_SIDECAR", "tcp://127.0.0.1:1");
    bed_start(bed, &run, WORDS("--", bed->unit_command, "exit", "3"));
    bed_rest(run.status, text, sizeof text);
    assert_null(strstr(text, "proof"));
    assert_non_null(strstr(text, "\"code\":125,\"by\":\"launcher\",\"error\":\"sidecar\""));
    assert_int_equal(bed_wait(&run), FIRMA_EXIT_OWN_FAILURE);
}

static void test_L14_runner_gets_seven_variables_and_three_descriptors(void **state)
{
    struct bed *bed = bed_of(state);
    char variable[500];
    char path[400];
    char text[4096];
    snprintf(path, sizeof path, "%s/dump", bed->cwd);
    snprintf(variable, sizeof variable, "DUMP=%s", path);
    bed_set(bed, "FIRMA_CAPABILITY_TOKEN", "secret");
    bed_set(bed, "LD_LIBRARY_PATH", "/nonexistent");
    bed_set(bed, "HOME", "/home/tester");
    bed_set(bed, "ASAN_OPTIONS", NULL);
    assert_int_equal(
        bed_run(bed, WORDS("--env", variable, "--", bed->unit_command, "exit", "0"), NULL, NULL),
        0);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, "args 3 --launch-contract\n"
                              "env PATH=/usr/local/bin:/usr/bin:/bin\n"
                              "env HOME=/home/tester\n"
                              "env USER=tester\n"
                              "fd 0\nfd 1\nfd 2\n");
}

/* A "#!" runner is run by path; the kernel starts its interpreter. */
static void test_an_interpreted_runner_runs(void **state)
{
    struct bed *bed = bed_of(state);
    char out[4096];
    bed_write(bed, "runner", "#!/bin/sh\necho \"$1\"\nexit 5\n", 0755);
    assert_int_equal(bed_run(bed, WORDS("--", "x"), out, NULL), 5);
    assert_string_equal(out, "--launch-contract\n");
}

static void test_a_runner_that_cannot_execute_is_our_failure(void **state)
{
    struct bed *bed = bed_of(state);
    char err[4096];
    bed_write(bed, "runner", "neither a program nor a script", 0755);
    assert_int_equal(bed_run(bed, WORDS("--", "x"), NULL, err), FIRMA_EXIT_OWN_FAILURE);
    assert_non_null(strstr(err, "spawn: runner "));
    assert_true(bed_is_clean(bed));
}

/* The soft limit of open files in /proc/PID/limits. */
static unsigned long long open_files(pid_t pid)
{
    char path[64], line[256];
    unsigned long long soft = 0;
    snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "Max open files", 14) == 0)
            assert_int_equal(sscanf(line + 14, "%llu", &soft), 1);
    fclose(file);
    return soft;
}

/* The launcher has descriptors for all the connections it serves; its command has what we gave. */
static void test_open_files_are_raised_for_the_launcher_only(void **state)
{
    struct bed *bed = bed_of(state);
    struct bed_run run;
    struct rlimit before, tight;
    char expected[64];
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = (struct rlimit){.rlim_cur = 200, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    bed_start(bed, &run, WORDS("--", bed->unit_command, "files"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    started_pid(&run);
    unsigned long long wanted = 2 * 2048 + 96;
    assert_int_equal(open_files(run.pid), before.rlim_max < wanted ? before.rlim_max : wanted);
    snprintf(expected, sizeof expected, "200 %llu", (unsigned long long)before.rlim_max);
    expect_line(&run, expected);
    expect_line(&run, "ready");
    close_in(&run);
    assert_int_equal(bed_wait(&run), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BED(test_R1_every_exit_code_is_the_commands),
        BED(test_R1_death_by_signal_is_128_plus_its_number),
        BED(test_R2_term_is_forwarded_and_a_repeat_kills),
        BED(test_R2_a_different_signal_does_not_escalate),
        BED(test_R2_the_end_of_terms_grace_kills),
        BED(test_R2_the_end_of_ints_grace_only_forgets),
        BED(test_R3_window_changes_are_forwarded),
        BED(test_R4_every_signal_of_the_table_arrives_exactly_once),
        BED(test_R5_mask_and_dispositions_are_what_we_were_started_with),
        BED(test_R5_a_signal_during_the_start_is_never_lost),
        BED(test_a_full_file_is_a_refusal_that_leaves_nothing),
        BED(test_R8_interrupt_without_terminal_is_130),
        BED(test_R8_runner_exit_codes_126_and_127_pass_through),
        BED(test_R12_nothing_outlives_the_command),
        BED(test_R12_launcher_killed_nothing_survives),
        BED(test_R12_guardian_killed_nothing_survives),
        BED(test_R12_runner_killed_nothing_survives),
        BED(test_R12_next_launch_sweeps_what_two_kills_left),
        BED(test_kept_directories_are_not_swept),
        BED(test_stop_and_continue_are_mirrored),
        BED(test_stop_and_continue_of_the_runner_take_the_launcher_along),
        BED(test_runner_killed_while_stopped_ends_the_launcher),
        BED(test_output_closed_by_the_command_ends_at_once),
        BED(test_L13_proof_comes_after_every_check_and_before_the_spawn),
        BED(test_L14_runner_gets_seven_variables_and_three_descriptors),
        BED(test_an_interpreted_runner_runs),
        BED(test_a_runner_that_cannot_execute_is_our_failure),
        BED(test_open_files_are_raised_for_the_launcher_only),
    };
    alarm(110); /* below CTest's own: then the output says where it hung */
    bed_adopt_orphans();
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
