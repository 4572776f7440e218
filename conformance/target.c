/* target.c - finding what is to be judged, with a clear word when it is not there. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "observe.h"

static int find_program(char **out, const char *path, const char *option, struct cf_error *err)
{
    struct stat status;
    char *resolved = realpath(path, NULL);
    if (resolved == NULL)
        return cf_fail(err, CF_E_USAGE, errno, "%s %s: check the path", option, path);
    int failed = 0;
    if (stat(resolved, &status) != 0 || !S_ISREG(status.st_mode))
        failed = cf_fail(err, CF_E_USAGE, 0, "%s %s: is not a regular file", option, path);
    else if (access(resolved, X_OK) != 0)
        failed = cf_fail(err, CF_E_USAGE, 0, "%s %s: is not executable by you; try chmod +x",
                         option, path);
    if (failed != 0)
        free(resolved);
    else
        *out = resolved;
    return failed;
}

static int find_own(char **out, const char *bin, const char *name, const char *option,
                    struct cf_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", bin, name);
    return find_program(out, path, option, err);
}

static int find_runner(struct cf_target *target, const char *runner, struct cf_error *err)
{
    if (strcmp(runner, "namespace") == 0) {
        target->kind = "namespace";
        return find_own(&target->runner, target->bin, "firma-ns-runner", "--runner", err);
    }
    if (strcmp(runner, "null") == 0) {
        target->kind = "null";
        return find_own(&target->runner, target->bin, "null-runner", "--runner", err);
    }
    target->kind = "path";
    return find_program(&target->runner, runner, "--runner", err);
}

int cf_target_find(struct cf_target *target, const char *runner, const char *launcher,
                   const char *bin, struct cf_error *err)
{
    struct cf_target found = {.bin = strdup(bin)};
    int failed = found.bin == NULL ? cf_fail(err, CF_E_SYSTEM, ENOMEM, "%s", bin) : 0;
    if (failed == 0)
        failed = find_runner(&found, runner, err);
    if (failed == 0)
        failed = launcher != NULL ? find_program(&found.launcher, launcher, "--launcher", err)
                                  : find_own(&found.launcher, bin, "firma-run", "--launcher", err);
    if (failed == 0)
        failed = cf_digest_file(-1, found.runner, found.runner_sha256, NULL, err);
    if (failed == 0)
        failed = cf_digest_file(-1, found.launcher, found.launcher_sha256, NULL, err);
    if (failed != 0)
        cf_target_release(&found);
    else
        *target = found;
    return failed;
}

void cf_target_release(struct cf_target *target)
{
    free(target->runner);
    free(target->launcher);
    free(target->bin);
    *target = (struct cf_target){0};
}
