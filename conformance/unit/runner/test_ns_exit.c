/* How a namespace runner ends: the command's own way, or 125 and a reason; and nothing is left. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"

static void test_exit_status_is_the_commands_own(void **state)
{
    static const int statuses[] = {0, 1, 42, 125, 128, 255};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct outcome outcome;
        char text[32];
        snprintf(text, sizeof text, "exit %d", statuses[i]);
        SCENE_RUN(*state, &outcome, "sh", "-c", text);
        assert_exit(&outcome, statuses[i]);
    }
}

static void test_R1_death_by_signal_is_death_by_that_signal(void **state)
{
    static const int numbers[] = {SIGTERM, SIGKILL, SIGSEGV, SIGINT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct outcome outcome;
        char text[32];
        snprintf(text, sizeof text, "kill -%d $$", numbers[i]);
        SCENE_RUN(*state, &outcome, "sh", "-c", text);
        assert_killed(&outcome, numbers[i]);
    }
}

static void test_R8_a_missing_command_is_127(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, "/nowhere/command");
    assert_exit(&outcome, 127);
    SCENE_RUN(*state, &outcome, "no-such-command");
    assert_exit(&outcome, 127);
    assert_holds(outcome.err, "no-such-command");
}

static void test_R8_a_command_that_cannot_be_executed_is_126(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    scene_write(scene, "cwd/plain", "text", 4, 0644);
    scene_write(scene, "cwd/script", "#!/nowhere/shell\n", 17, 0755);
    SCENE_RUN(scene, &outcome, "./plain");
    assert_exit(&outcome, 126);
    SCENE_RUN(scene, &outcome, "./script");
    assert_exit(&outcome, 126);
    SCENE_RUN(scene, &outcome, "/usr");
    assert_exit(&outcome, 126);
}

static void test_any_other_command_line_is_usage(void **state)
{
    static const char *const lines[][4] = {
        {NULL},
        {"--launch-contract", NULL},
        {"--launch-contract", "relative.json", NULL},
        {"--launch-contract", "/a", "/b", NULL},
        {"--help", NULL},
        {"/a", "--launch-contract", NULL},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct outcome outcome = {0};
        scene_start_with(*state, lines[i]);
        scene_finish(*state, &outcome);
        assert_refused(&outcome, "usage: firma-ns-runner --launch-contract ABSOLUTE_PATH");
    }
}

static void test_a_contract_open_to_others_is_refused(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    SCENE_RUN(scene, &outcome, "true");
    assert_exit(&outcome, 0);
    assert_int_equal(chmod(scene_contract_path(scene), 0644), 0);
    char path[512];
    snprintf(path, sizeof path, "%s", scene_contract_path(scene));
    memset(&outcome, 0, sizeof outcome);
    scene_start_with(scene, (const char *const[]){"--launch-contract", path, NULL});
    scene_finish(scene, &outcome);
    assert_refused(&outcome, "custody");
}

/* The end of stdout proves the end of every process that held it. */
static void test_R12_a_detached_process_dies_with_the_command(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, "sh", "-c",
              ONLY_IN_GUEST "(setsid sh -c 'trap \"\" HUP TERM; echo up; sleep 600' &); "
                            "while ! pidof sleep >/dev/null; do :; done; exit 3");
    assert_exit(&outcome, 3);
    assert_string_equal(outcome.out, "up\n");
}

static void test_R12_a_killed_runner_takes_the_guest_along(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome = {0};
    SCENE_START(scene, "sh", "-c",
                ONLY_IN_GUEST "trap '' TERM HUP INT; setsid sleep 600 & echo up; wait");
    scene_expect(scene, &outcome, "up\n");
    assert_int_equal(kill(scene->run.pid, SIGKILL), 0);
    scene_finish(scene, &outcome);
    assert_killed(&outcome, SIGKILL);
}

static void test_R12_orphans_are_reaped(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, "sh", "-c",
              "for i in 1 2 3 4 5; do (true &); done; "
              "while pidof true >/dev/null; do :; done; "
              "for i in 1 2 3 4 5 6 7 8 9; do grep -l '^State:.Z' /proc/[0-9]*/status >z || "
              "exit 0; done; cat z; exit 1");
    assert_exit(&outcome, 0);
}

static void test_R7_the_command_cannot_forge_its_result(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, "sh", "-c",
              ONLY_IN_GUEST
              "kill -9 1; kill -TERM 1; kill -INT 1; "
              "for f in /proc/1/fd/*; do (echo x >$f) 2>/dev/null && echo forged; done; "
              "(exec 2>/dev/null; cat /proc/1/mem /proc/1/environ /proc/1/maps) && echo read; "
              "exit 4");
    assert_exit(&outcome, 4);
    assert_string_equal(outcome.out, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_exit_status_is_the_commands_own),
        TEST(test_R1_death_by_signal_is_death_by_that_signal),
        TEST(test_R8_a_missing_command_is_127),
        TEST(test_R8_a_command_that_cannot_be_executed_is_126),
        TEST(test_any_other_command_line_is_usage),
        TEST(test_a_contract_open_to_others_is_refused),
        TEST(test_R12_a_detached_process_dies_with_the_command),
        TEST(test_R12_a_killed_runner_takes_the_guest_along),
        TEST(test_R12_orphans_are_reaped),
        TEST(test_R7_the_command_cannot_forge_its_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
