/*
 * The runner against machines that are scripts (hostile_scripts.c): nothing a guest says may crash,
 * block or mislead it, or make it hold more than its bounds. Shown by exit statuses, by what is
 * said, and by counting descriptors, bytes and memory; never by a clock.
 */
#include "../runner/scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/vm/channel/frame.h"
#include "runner/vm/console.h"
#include "runner/vm/images/images.h"

#ifdef __SANITIZE_ADDRESS__
enum { SHADOW = 4 }; /* the sanitizer's own share of memory */
#else
enum { SHADOW = 1 };
#endif

enum {
    OWN_DESCRIPTORS = 32, /* of a runner without connections, at most */
    WINDOW_KIB = FIRMA_STREAM_WINDOW / 1024,
    BOUND_KIB = SHADOW * (FIRMA_STREAM_CONNECTIONS * WINDOW_KIB + 16 * 1024),
    SATURATION = 40000 /* more signals than any buffer has words for */
};

static struct outcome outcome; /* too big for the stack */

/* ---- a launch with a script for its machine ---- */

static int set_up(void **state)
{
    if (scene_setup(state) != 0)
        return -1;
    struct scene *scene = *state;
    scene->runner = "../unit/hostile-vm-runner";
    scene_images(scene);
    memset(&outcome, 0, sizeof outcome);
    return 0;
}

/* The runner's standard input as a pipe; returns its writing end, non-blocking. */
static int open_input(struct scene *scene)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    scene->stdin_fd = ends[0];
    return ends[1];
}

static void let_go(struct scene *scene, int input)
{
    close(scene->stdin_fd);
    scene->stdin_fd = -1;
    close(input);
}

/* Reads the runner's standard error alone, until TEXT has come. */
static void await_error(struct scene *scene, const char *text)
{
    size_t used = strlen(outcome.err);
    while (strstr(outcome.err, text) == NULL) {
        ssize_t got = read(scene->run.err, outcome.err + used, sizeof outcome.err - 1 - used);
        if (got <= 0)
            fail_msg("\"%s\" never came; stderr \"%s\"", text, outcome.err);
        used += (size_t)got;
        outcome.err[used] = '\0';
    }
}

static unsigned long long proc_number(pid_t pid, const char *key, int base)
{
    char path[64], line[256];
    unsigned long long number = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "re");
    assert_non_null(status);
    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            number = strtoull(line + strlen(key), NULL, base);
    fclose(status);
    return number;
}

static unsigned count_descriptors(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *entries = opendir(path);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(entries);
    return count;
}

/* ---- the control, and what ends a machine at once ---- */

static void test_honest_guest(void **state)
{
    SCENE_RUN(*state, &outcome, "honest");
    assert_exit(&outcome, 42);
    assert_string_equal(outcome.out, "out\n");
    assert_string_equal(outcome.err, "err\n");
}

static void test_every_road(void **state)
{
    SCENE_RUN(*state, &outcome, "traveller");
    assert_exit(&outcome, 42);
    assert_string_equal(outcome.out, "out\n");
}

/* A block of more than a window: its reader grants for the last bytes too, after the end. */
static void test_long_block(void **state)
{
    struct scene *scene = *state;
    struct firma_error err;
    char value[8001];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "LONG%d", i);
        assert_int_equal(firma_contract_set_env(&scene->contract, name, value, &err), 0);
    }
    SCENE_RUN(scene, &outcome, "honest");
    assert_exit(&outcome, 42);
}

static void test_broken_rules_end_the_machine(void **state)
{
    static const struct {
        const char *script, *message;
    } cases[] = {
        {"absurd-credit", "what is no frame"},
        {"unspent-credit", "more credit than there is"},
        {"data-after-end", "more than was granted"},
        {"undeclared-stream", "a stream that is not open"},
        {"forged-before-hello", "an unexpected word"},
        {"forged-before-go", "not open"},
        {"end-without-streams", "an unexpected word"},
        {"two-results", "an unexpected word"},
        {"stopped-to-death", "an unexpected word"},
        {"resizes-the-host", "an unexpected word"},
        {"one-too-many", "what is no frame"},
        {"one-twice", "a stream that it may not open"},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unlink(scene_path(scene, "run/" FIRMA_VM_LOG_NAME));
        SCENE_RUN(scene, &outcome, cases[i].script);
        assert_refused(&outcome, cases[i].message);
    }
}

/* ---- what must not block anybody ---- */

static void test_stalled_output_holds_up_nobody(void **state)
{
    struct scene *scene = *state;
    int input = open_input(scene);
    SCENE_START(scene, "flood");
    await_error(scene, "goes on\n"); /* nobody has read standard output yet */
    assert_int_equal(write(input, "x", 1), 1);
    scene_finish(scene, &outcome);
    let_go(scene, input);
    assert_exit(&outcome, 0);
    assert_int_equal(outcome.out_size, FIRMA_STREAM_WINDOW);
}

/* Standard input stops at one window and a pipe; the rest of the caller's bytes stay the caller's.
 */
static void test_guest_that_grants_nothing(void **state)
{
    static const char chunk[4096];
    struct scene *scene = *state;
    int input = open_input(scene);
    size_t taken = 0;
    for (ssize_t put; (put = write(input, chunk, sizeof chunk)) > 0;)
        taken += (size_t)put;
    SCENE_START(scene, "no-credit");
    while (strstr(outcome.err, "full") == NULL) {
        ssize_t put = write(input, chunk, sizeof chunk);
        taken += put > 0 ? (size_t)put : 0;
        if (taken >= FIRMA_STREAM_WINDOW)
            await_error(scene, "full\n");
    }
    for (ssize_t put; (put = write(input, chunk, sizeof chunk)) > 0;)
        taken += (size_t)put;
    assert_true(taken <= FIRMA_STREAM_WINDOW + 65536);
    scene_finish(scene, &outcome);
    let_go(scene, input);
    assert_exit(&outcome, 0);
}

/* Signals until the runner takes no more of them, then the one that counts. */
static void test_deaf_guest(void **state)
{
    struct scene *scene = *state;
    char fifo[128];
    bool full = false;
    snprintf(fifo, sizeof fifo, "%s/listen", scene->cwd);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    SCENE_START(scene, "deaf");
    await_error(scene, "deaf\n");
    for (int i = 0; i < SATURATION && !full; i++) {
        unsigned long long bit = 1ull << (SIGUSR1 - 1);
        assert_int_equal(kill(scene->run.pid, SIGUSR1), 0);
        int looks = 0;
        while (looks < 2000 && (proc_number(scene->run.pid, "ShdPnd:", 16) & bit) != 0) {
            looks++;
            sched_yield();
        }
        full = looks == 2000;
    }
    assert_true(full);
    assert_int_equal(kill(scene->run.pid, SIGTERM), 0);
    int listen = open(fifo, O_WRONLY | O_CLOEXEC);
    assert_true(listen >= 0);
    scene_finish(scene, &outcome);
    close(listen);
    assert_exit(&outcome, 0);
}

/* The guest's own frame holds up the guest alone: signals reach it, and its end is seen. */
static void test_half_a_frame(void **state)
{
    struct scene *scene = *state;
    SCENE_START(scene, "half-a-frame");
    await_error(scene, "half\n");
    assert_int_equal(kill(scene->run.pid, SIGTERM), 0);
    scene_finish(scene, &outcome);
    assert_exit(&outcome, 125);
    assert_holds(outcome.err, "the machine ended without a result");
    assert_string_equal(outcome.out, "");
}

/* As long as the operator lets it, and not a word longer. */
static void test_guest_that_never_starts(void **state)
{
    static const char options[] = "{\"start_seconds\": 1, \"accelerator\": \"tcg\"}";
    static const char *const scripts[] = {"mute", "never-ready"};
    struct scene *scene = *state;
    scene_write(scene, "images/machine.json", options, sizeof options - 1, 0600);
    for (size_t i = 0; i < 2; i++) {
        unlink(scene_path(scene, "run/" FIRMA_VM_LOG_NAME));
        SCENE_RUN(scene, &outcome, scripts[i]);
        assert_refused(&outcome, "the guest did not start");
    }
}

/* ---- what must stay bounded ---- */

static void test_all_connections(void **state)
{
    struct scene *scene = *state;
    int input = open_input(scene);
    SCENE_START(scene, "all-connections");
    await_error(scene, "open\n");
    unsigned descriptors = count_descriptors(scene->run.pid);
    assert_true(descriptors >= FIRMA_STREAM_CONNECTIONS &&
                descriptors <= FIRMA_STREAM_CONNECTIONS + OWN_DESCRIPTORS);
    unsigned long long memory = proc_number(scene->run.pid, "VmHWM:", 10);
    assert_true(memory > 0 && memory <= BOUND_KIB);
    printf("         %u descriptors, %llu KiB\n", descriptors, memory);
    assert_int_equal(write(input, "x", 1), 1);
    scene_finish(scene, &outcome);
    let_go(scene, input);
    assert_exit(&outcome, 0);
}

static void test_ten_thousand_connections(void **state)
{
    struct scene *scene = *state;
    int input = open_input(scene);
    SCENE_START(scene, "ten-thousand");
    await_error(scene, "done\n");
    unsigned descriptors = count_descriptors(scene->run.pid);
    assert_true(descriptors <= OWN_DESCRIPTORS);
    assert_int_equal(write(input, "x", 1), 1);
    scene_finish(scene, &outcome);
    let_go(scene, input);
    assert_exit(&outcome, 0);
}

static void test_console_is_bounded(void **state)
{
    struct scene *scene = *state;
    struct stat info;
    SCENE_RUN(scene, &outcome, "chatty");
    assert_exit(&outcome, 7);
    assert_int_equal(stat(scene_path(scene, "run/" FIRMA_VM_LOG_NAME), &info), 0);
    assert_true(info.st_size >= FIRMA_VM_LOG_MAX && info.st_size <= FIRMA_VM_LOG_MAX + 4096);
    assert_string_equal(outcome.err, "");
}

static void test_last_words_are_harmless(void **state)
{
    SCENE_RUN(*state, &outcome, "last-words");
    assert_refused(&outcome, "it last printed: panic: ");
    for (const char *c = outcome.err; *c != '\n'; c++)
        assert_in_range(*c, 0x20, 0x7e);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_honest_guest),
        TEST(test_every_road),
        TEST(test_long_block),
        TEST(test_broken_rules_end_the_machine),
        TEST(test_stalled_output_holds_up_nobody),
        TEST(test_guest_that_grants_nothing),
        TEST(test_deaf_guest),
        TEST(test_half_a_frame),
        TEST(test_guest_that_never_starts),
        TEST(test_all_connections),
        TEST(test_ten_thousand_connections),
        TEST(test_console_is_bounded),
        TEST(test_last_words_are_harmless),
    };
    signal(SIGPIPE, SIG_IGN);
    setenv("HOME", "/nonexistent", 1); /* nothing is kept from these launches */
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
