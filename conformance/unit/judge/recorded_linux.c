#include "recorded_linux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS = 48 };

extern char **environ;

static int run(const char *const *argv, const char *log)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, (char **)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void recorded_run(struct bundle *below, struct bundle *bundle, const char *runner,
                  const char *const *rows, int status)
{
    const char *bin = getenv("FIRMA_BIN");
    char program[PATH_MAX], log[1024], link[1024], target[512] = "";
    const char *argv[ARGS] = {program, "run", "--runner", runner, "--out", below->dir};
    size_t count = 6;
    assert_non_null(bin);
    snprintf(program, sizeof program, "%s/firma-conform", bin);
    for (; *rows != NULL && count < ARGS - 2; rows++) {
        argv[count++] = "--row";
        argv[count++] = *rows;
    }
    bundle_make(below);
    snprintf(log, sizeof log, "%s/log", below->dir);
    int code = run(argv, log);
    if (code != status) {
        char *text = bundle_read(below, "log", NULL);
        print_error("%s\n", text);
        free(text);
        fail_msg("firma-conform ended with %d, should be %d", code, status);
    }
    snprintf(link, sizeof link, "%s/latest", below->dir);
    assert_true(readlink(link, target, sizeof target - 1) > 0);
    assert_true(snprintf(bundle->dir, sizeof bundle->dir, "%.200s/%.200s", below->dir, target) > 0);
}
