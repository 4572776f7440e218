/* Job control on a pseudo-terminal, with firma-run as the session's leader: R3, R4, modes. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "bed.h"

struct terminal_run {
    pid_t pid;
    int master;
    int slave; /* kept open: what the terminal's mode is stays to be seen */
    int status;
};

enum { ECHOED_LINE = 256 };

/* No echo and no carriage returns: what is read is what the command wrote. */
static void open_terminal(struct terminal_run *run)
{
    struct termios mode;
    assert_int_equal(openpty(&run->master, &run->slave, NULL, NULL, NULL), 0);
    fcntl(run->master, F_SETFD, FD_CLOEXEC);
    fcntl(run->slave, F_SETFD, FD_CLOEXEC);
    tcgetattr(run->slave, &mode);
    mode.c_lflag &= (tcflag_t)~ECHO;
    mode.c_oflag &= (tcflag_t)~OPOST;
    tcsetattr(run->slave, TCSANOW, &mode);
}

/* What the forked child executes; never returns. */
static void become_firma_run(const struct bed *bed, int status, const char *verb)
{
    char *argv[BED_ARGV];
    bed_argv(bed, (const char *const[]){"--", bed->unit_command, verb, NULL}, argv);
    bed_place(status, BED_STATUS_FD);
    execve(bed->firma_run, argv, bed->environment);
    _exit(99);
}

static void make_status_pipe(int ends[2])
{
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    fflush(NULL);
}

/* INPUT >= 0 becomes stdin instead of the terminal. */
static void start_on_terminal(const struct bed *bed, struct terminal_run *run, int input,
                              const char *verb)
{
    int status[2];
    open_terminal(run);
    make_status_pipe(status);
    run->pid = fork();
    if (run->pid == 0) {
        login_tty(dup(run->slave));
        if (input >= 0)
            dup2(input, 0);
        become_firma_run(bed, status[1], verb);
    }
    close(status[1]);
    run->status = status[0];
}

/* A shell in small: the session's leader starts firma-run as a foreground job, tells its pid and,
 * when it has ended, its exit status on TOLD, and stays (so the terminal is not hung up). */
static void lead_session(const struct bed *bed, const struct terminal_run *run, int status,
                         int told, const char *verb)
{
    int end;
    login_tty(dup(run->slave));
    signal(SIGTTOU, SIG_IGN);
    pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        tcsetpgrp(0, getpid());
        signal(SIGTTOU, SIG_DFL);
        become_firma_run(bed, status, verb);
    }
    if (write(told, &job, sizeof job) != sizeof job || waitpid(job, &end, 0) != job ||
        write(told, &end, sizeof end) != sizeof end)
        _exit(99);
    for (;;)
        pause();
}

static pid_t runner_of(const struct terminal_run *run)
{
    char line[8192];
    const char *at = NULL;
    while (at == NULL && bed_line(run->status, line, sizeof line))
        at = strstr(line, "\"pid\":");
    assert_non_null(at);
    return at == NULL ? -1 : (pid_t)atoi(at + 6);
}

static void expect_line(const struct terminal_run *run, const char *expected)
{
    char line[ECHOED_LINE];
    bed_line(run->master, line, sizeof line);
    assert_string_equal(line, expected);
}

static void expect_number(const struct terminal_run *run, int number)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    expect_line(run, text);
}

static void type(const struct terminal_run *run, const char *keys)
{
    assert_int_equal(write(run->master, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static int end_of(struct terminal_run *run)
{
    int status;
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    close(run->status);
    close(run->master);
    close(run->slave);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* A second line would say it came twice: what follows is a signal sent through the launcher. */
static void test_R4_typed_interrupt_arrives_once(void **state)
{
    struct terminal_run run;
    start_on_terminal(*state, &run, -1, "signals");
    expect_line(&run, "ready");
    type(&run, "\x03");
    expect_number(&run, SIGINT);
    kill(run.pid, SIGUSR1);
    expect_number(&run, SIGUSR1);
    type(&run, "\x04");
    assert_int_equal(end_of(&run), 0);
}

/* In a pipeline the group is shared: the kernel's signal has arrived, ours is forwarded. */
static void test_R4_typed_interrupt_in_a_pipeline_arrives_once(void **state)
{
    struct terminal_run run;
    int input[2];
    assert_int_equal(pipe(input), 0);
    fcntl(input[1], F_SETFD, FD_CLOEXEC);
    start_on_terminal(*state, &run, input[0], "signals");
    close(input[0]);
    pid_t runner = runner_of(&run);
    expect_line(&run, "ready");
    assert_int_equal(getpgid(runner), run.pid);
    type(&run, "\x03");
    expect_number(&run, SIGINT);
    kill(run.pid, SIGUSR1); /* another one: an INT might merge with one that is still pending */
    expect_number(&run, SIGUSR1);
    close(input[1]);
    assert_int_equal(end_of(&run), 0);
}

static void test_R3_resizing_the_terminal_arrives_once(void **state)
{
    struct terminal_run run;
    struct winsize size = {.ws_row = 50, .ws_col = 132};
    start_on_terminal(*state, &run, -1, "signals");
    expect_line(&run, "ready");
    ioctl(run.master, TIOCSWINSZ, &size);
    expect_number(&run, SIGWINCH);
    kill(run.pid, SIGUSR1);
    expect_number(&run, SIGUSR1);
    type(&run, "\x04");
    assert_int_equal(end_of(&run), 0);
}

/* A stopped job gives the terminal back, a continued one gets it again. */
static void test_typed_stop_is_mirrored_and_the_terminal_changes_hands(void **state)
{
    struct terminal_run run;
    int status;
    start_on_terminal(*state, &run, -1, "deaf");
    pid_t runner = runner_of(&run);
    expect_line(&run, "ready");
    assert_int_equal(tcgetpgrp(run.master), runner);
    type(&run, "\x1a");
    assert_int_equal(waitpid(run.pid, &status, WUNTRACED), run.pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(tcgetpgrp(run.master), run.pid);
    kill(run.pid, SIGCONT);
    type(&run, "\x04");
    assert_int_equal(end_of(&run), 0);
}

/* A foreground job from end to end; its pid, and in END its wait status. The session stays. */
static pid_t run_job(const struct bed *bed, struct terminal_run *run, const char *verb, int *end)
{
    int status[2], told[2];
    pid_t job;
    make_status_pipe(status);
    make_status_pipe(told);
    run->status = status[0];
    run->pid = fork();
    if (run->pid == 0)
        lead_session(bed, run, status[1], told[1], verb);
    close(status[1]);
    close(told[1]);
    assert_int_equal(read(told[0], &job, sizeof job), sizeof job);
    assert_int_equal(read(told[0], end, sizeof *end), sizeof *end);
    close(told[0]);
    return job;
}

static void test_terminal_mode_and_group_are_put_back(void **state)
{
    struct terminal_run run;
    struct termios before, after;
    int end;
    open_terminal(&run);
    tcgetattr(run.slave, &before);
    pid_t job = run_job(*state, &run, "raw", &end);
    assert_int_equal(WEXITSTATUS(end), 128 + SIGKILL);
    assert_int_not_equal(runner_of(&run), job);
    assert_int_equal(tcgetpgrp(run.master), job);
    tcgetattr(run.slave, &after);
    assert_true(before.c_lflag & ICANON);
    assert_int_equal(after.c_lflag, before.c_lflag);
    kill(run.pid, SIGKILL);
    end_of(&run);
}

/* The runner-to-be takes the terminal before its exec, and that fails. */
static void test_terminal_is_put_back_when_no_runner_could_be_executed(void **state)
{
    struct terminal_run run;
    int end;
    bed_write(*state, "runner", "#!/nonexistent/interpreter\n", 0755);
    open_terminal(&run);
    pid_t job = run_job(*state, &run, "raw", &end);
    assert_int_equal(WEXITSTATUS(end), 125);
    assert_int_equal(tcgetpgrp(run.master), job);
    kill(run.pid, SIGKILL);
    end_of(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BED(test_R4_typed_interrupt_arrives_once),
        BED(test_R4_typed_interrupt_in_a_pipeline_arrives_once),
        BED(test_R3_resizing_the_terminal_arrives_once),
        BED(test_typed_stop_is_mirrored_and_the_terminal_changes_hands),
        BED(test_terminal_mode_and_group_are_put_back),
        BED(test_terminal_is_put_back_when_no_runner_could_be_executed),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
