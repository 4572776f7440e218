/* Signals, stops and the terminal, as the command sees them through a namespace runner. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scene.h"

static void test_R4_every_signal_is_forwarded_exactly_once(void **state)
{
    static const struct {
        int number;
        const char *word;
    } sent[] = {{SIGHUP, "HUP\n"},   {SIGINT, "INT\n"},   {SIGQUIT, "QUIT\n"},
                {SIGUSR1, "USR1\n"}, {SIGUSR2, "USR2\n"}, {SIGWINCH, "WINCH\n"},
                {SIGCONT, "CONT\n"}, {SIGTSTP, "TSTP\n"}, {SIGTERM, "TERM\n"}};
    enum { COUNT = sizeof sent / sizeof sent[0] };
    struct scene *scene = *state;
    struct outcome outcome = {0};
    SCENE_START(scene, HELPER, "signals");
    scene_expect(scene, &outcome, "ready\n");
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(kill(scene->run.pid, sent[i].number), 0);
        scene_expect(scene, &outcome, sent[i].word);
    }
    scene_finish(scene, &outcome);
    assert_exit(&outcome, 5);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(count_of(outcome.out, sent[i].word), 1);
}

static void await_change(const struct scene *scene, int options, bool stopped)
{
    int status = 0;
    assert_int_equal(waitpid(scene->run.pid, &status, options), scene->run.pid);
    assert_true(stopped ? WIFSTOPPED(status) : WIFCONTINUED(status));
}

static void test_stop_and_continue_are_mirrored(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome = {0};
    SCENE_START(scene, HELPER, "signals", "stoppable");
    scene_expect(scene, &outcome, "ready\n");
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal(kill(scene->run.pid, SIGTSTP), 0);
        await_change(scene, WUNTRACED, true);
        assert_int_equal(kill(scene->run.pid, SIGCONT), 0);
        await_change(scene, WCONTINUED, false);
        char words[32] = "ready\n";
        for (size_t j = 0; j < i; j++)
            strcat(words, "CONT\n");
        scene_expect(scene, &outcome, words);
    }
    assert_int_equal(kill(scene->run.pid, SIGTERM), 0);
    scene_finish(scene, &outcome);
    assert_exit(&outcome, 5);
    assert_int_equal(count_of(outcome.out, "CONT\n"), 3);
}

/* Whenever the signal comes, the runner ends and leaves nobody behind: stdout ends as well. */
static void test_R5_a_signal_right_after_the_spawn_orphans_nobody(void **state)
{
    struct scene *scene = *state;
    for (long delay = 0; delay < 40; delay += 4) {
        struct outcome outcome = {0};
        struct timespec wait = {.tv_nsec = delay * 1000000};
        SCENE_START(scene, "sleep", "600");
        nanosleep(&wait, NULL);
        assert_int_equal(kill(scene->run.pid, SIGTERM), 0);
        scene_finish(scene, &outcome);
        assert_killed(&outcome, SIGTERM);
    }
}

static void ignore_and_block(void)
{
    sigset_t set;
    signal(SIGINT, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_SETMASK, &set, NULL);
}

static void leave_alone(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the very same process state looks like without a runner. */
static void expect_bare(char line[256], void (*prepare)(void))
{
    int ends[2];
    size_t used = 0;
    ssize_t got;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        prepare();
        execl("/usr/bin/grep", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL);
        _exit(99);
    }
    close(ends[1]);
    while ((got = read(ends[0], line + used, 255 - used)) > 0)
        used += (size_t)got;
    line[used] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void check_signal_state(struct scene *scene, void (*prepare)(void))
{
    struct outcome outcome;
    char bare[256];
    expect_bare(bare, prepare);
    scene->prepare = prepare;
    SCENE_RUN(scene, &outcome, "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status");
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, bare);
}

static void test_the_command_starts_with_the_runners_signal_state(void **state)
{
    check_signal_state(*state, leave_alone);
    check_signal_state(*state, ignore_and_block);
}

/* The runner in a session of its own, on a terminal whose other end is the test's. */
static int terminal_fd = -1;

static void take_terminal(void)
{
    setsid();
    ioctl(terminal_fd, TIOCSCTTY, 0);
    dup2(terminal_fd, 0);
}

static int open_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    terminal_fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal_fd >= 0);
    return master;
}

static void test_R4_a_typed_key_reaches_the_command_exactly_once(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome = {0};
    int master = open_terminal();
    scene->prepare = take_terminal;
    SCENE_START(scene, HELPER, "signals");
    scene_expect(scene, &outcome, "ready\n");
    assert_int_equal(write(master, "\003", 1), 1);
    scene_expect(scene, &outcome, "INT\n");
    assert_int_equal(write(master, "\034", 1), 1);
    scene_expect(scene, &outcome, "QUIT\n");
    assert_int_equal(kill(scene->run.pid, SIGTERM), 0);
    scene_finish(scene, &outcome);
    assert_exit(&outcome, 5);
    assert_int_equal(count_of(outcome.out, "INT\n"), 1);
    assert_int_equal(count_of(outcome.out, "QUIT\n"), 1);
    close(terminal_fd);
    close(master);
}

static void test_R3_a_resized_terminal_tells_the_command_once(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome = {0};
    struct winsize size = {.ws_row = 50, .ws_col = 100};
    int master = open_terminal();
    scene->prepare = take_terminal;
    SCENE_START(scene, HELPER, "signals");
    scene_expect(scene, &outcome, "ready\n");
    assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
    scene_expect(scene, &outcome, "WINCH\n");
    assert_int_equal(kill(scene->run.pid, SIGTERM), 0);
    scene_finish(scene, &outcome);
    assert_int_equal(count_of(outcome.out, "WINCH\n"), 1);
    close(terminal_fd);
    close(master);
}

static void test_R4_a_typed_stop_reaches_the_command_exactly_once(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome = {0};
    int master = open_terminal();
    scene->prepare = take_terminal;
    SCENE_START(scene, HELPER, "signals");
    scene_expect(scene, &outcome, "ready\n");
    assert_int_equal(write(master, "\032", 1), 1);
    scene_expect(scene, &outcome, "TSTP\n");
    assert_int_equal(kill(scene->run.pid, SIGTERM), 0);
    scene_finish(scene, &outcome);
    assert_int_equal(count_of(outcome.out, "TSTP\n"), 1);
    close(terminal_fd);
    close(master);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_R4_every_signal_is_forwarded_exactly_once),
        TEST(test_stop_and_continue_are_mirrored),
        TEST(test_R5_a_signal_right_after_the_spawn_orphans_nobody),
        TEST(test_the_command_starts_with_the_runners_signal_state),
        TEST(test_R4_a_typed_key_reaches_the_command_exactly_once),
        TEST(test_R3_a_resized_terminal_tells_the_command_once),
        TEST(test_R4_a_typed_stop_reaches_the_command_exactly_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
