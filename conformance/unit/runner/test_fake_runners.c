/* The null runner confines nothing, and the recorder runs nothing: both exactly. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "scene.h"

static int setup_null(void **state)
{
    scene_setup(state);
    ((struct scene *)*state)->runner = "null-runner";
    return 0;
}

static int setup_recorder(void **state)
{
    scene_setup(state);
    ((struct scene *)*state)->runner = "recorder-runner";
    return 0;
}

static void test_null_runner_runs_the_command_on_the_host(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    char expected[256];
    scene->contract.identity_mode = FIRMA_SANDBOX_USER;
    SCENE_RUN(scene, &outcome, "sh", "-c", "pwd -P; id -u; echo $PPID; echo err >&2; exit 42");
    snprintf(expected, sizeof expected, "%s\n%u\n%d\n", scene->cwd, geteuid(), (int)getpid());
    assert_exit(&outcome, 42);
    assert_string_equal(outcome.out, expected);
    assert_string_equal(outcome.err, "err\n");
}

static void test_null_runner_gives_the_exact_environment(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, "env");
    assert_string_equal(outcome.out, "PATH=/usr/bin:/bin\n");
}

static void test_null_runner_ends_as_the_command_does(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, "sh", "-c", "kill -USR1 $$");
    assert_killed(&outcome, SIGUSR1);
    SCENE_RUN(*state, &outcome, "/nowhere");
    assert_exit(&outcome, 127);
    SCENE_RUN(*state, &outcome, "/etc/passwd");
    assert_exit(&outcome, 126);
}

static void test_null_runner_reads_strictly(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome = {0};
    char path[512];
    scene_write(scene, "run/" FIRMA_CONTRACT_FILE, "{\"version\": 1}", 14, 0600);
    snprintf(path, sizeof path, "%s", scene_contract_path(scene));
    scene_start_with(scene, (const char *const[]){"--launch-contract", path, NULL});
    scene_finish(scene, &outcome);
    assert_refused(&outcome, "contract");
    memset(&outcome, 0, sizeof outcome);
    scene_start_with(scene, (const char *const[]){path, NULL});
    scene_finish(scene, &outcome);
    assert_refused(&outcome, "usage");
}

static json_t *read_record(const struct scene *scene)
{
    json_t *record = json_load_file(scene_path(scene, "cwd/recorder.json"), 0, NULL);
    assert_non_null(record);
    return record;
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void test_recorder_writes_what_it_was_given(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    struct stat info;
    scene_write(scene, "run/enforcement-proof.json", "{\"a\":\"\n\\\"}", 10, 0600);
    SCENE_RUN(scene, &outcome, "/nowhere", "x", "--exit=7");
    assert_exit(&outcome, 7);
    assert_string_equal(outcome.out, "");
    assert_int_equal(stat(scene_path(scene, "cwd/recorder.json"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    json_t *record = read_record(scene);
    assert_int_equal(json_array_size(json_object_get(record, "argv")), 3);
    assert_int_equal(json_array_size(json_object_get(record, "descriptors")), 3);
    const json_t *custody = json_object_get(record, "custody");
    assert_string_equal(text_at(custody, "proof_bytes"), "{\"a\":\"\\x0a\\x5c\"}");
    assert_holds(text_at(custody, "contract_bytes"), "--exit=7");
    assert_string_equal(text_at(json_object_get(custody, "contract"), "mode"), "0600");
    assert_string_equal(text_at(json_object_get(custody, "directory"), "mode"), "0700");
    assert_int_equal(json_array_size(json_object_get(custody, "parents")), 3);
    assert_int_equal(json_array_size(json_object_get(custody, "neighbours")), 1);
    json_decref(record);
}

static void disturb(void)
{
    sigset_t set;
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_SETMASK, &set, NULL);
    umask(077);
    dup2(1, 9);
}

static void test_recorder_shows_inherited_state(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    scene->prepare = disturb;
    SCENE_RUN(scene, &outcome, "x");
    assert_exit(&outcome, 0);
    json_t *record = read_record(scene);
    const json_t *signals = json_object_get(record, "signals");
    const json_t *blocked = json_object_get(signals, "blocked");
    const json_t *last = json_array_get(json_object_get(record, "descriptors"), 3);
    assert_int_equal(json_array_size(blocked), 1);
    assert_int_equal(json_integer_value(json_array_get(blocked, 0)), SIGHUP);
    assert_true(json_array_size(json_object_get(signals, "ignored")) >= 1);
    assert_int_equal(json_integer_value(json_object_get(last, "fd")), 9);
    assert_string_equal(text_at(last, "type"), "pipe");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(record, "process"), "umask")), 077);
    json_decref(record);
}

static void test_recorder_overwrites_nothing(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    scene_write(scene, "cwd/recorder.json", "kept", 4, 0600);
    SCENE_RUN(scene, &outcome, "x");
    assert_refused(&outcome, "cannot write recorder.json");
}

int main(void)
{
#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_null_runner_runs_the_command_on_the_host, setup_null),
        TEST(test_null_runner_gives_the_exact_environment, setup_null),
        TEST(test_null_runner_ends_as_the_command_does, setup_null),
        TEST(test_null_runner_reads_strictly, setup_null),
        TEST(test_recorder_writes_what_it_was_given, setup_recorder),
        TEST(test_recorder_shows_inherited_state, setup_recorder),
        TEST(test_recorder_overwrites_nothing, setup_recorder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
