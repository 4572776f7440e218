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
#include "scenarios/bounds.h"

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

static const struct {
    const char *word, *kind, *program;
} known[] = {{"namespace", "namespace", "firma-ns-runner"},
             {"null", "null", "null-runner"},
             {"vm", "machine", "firma-vm-runner"}};

static int find_runner(struct cf_target *target, const struct cf_wanted *wanted,
                       struct cf_error *err)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(wanted->runner, known[i].word) != 0)
            continue;
        target->kind = known[i].kind;
        return find_own(&target->runner, target->bin, known[i].program, "--runner", err);
    }
    target->kind = "path";
    if (wanted->kind != NULL && strcmp(wanted->kind, "machine") != 0)
        return cf_fail(err, CF_E_USAGE, 0, "--kind %s: a runner's kind is machine, or not given",
                       wanted->kind);
    if (wanted->kind != NULL)
        target->kind = "machine";
    return find_program(&target->runner, wanted->runner, "--runner", err);
}

static const char *const variables[CF_IMAGES] = {
    "FIRMA_RUN_VZ_GUEST_KERNEL", "FIRMA_RUN_VZ_GUEST_INITRD", "FIRMA_RUN_VZ_GUEST_ROOTFS"};

/* A machine boots the operator's own images; a runner that boots nothing can do without. */
static int find_images(struct cf_target *target, struct cf_error *err)
{
    bool machine = strcmp(target->kind, "machine") == 0;
    for (size_t i = 0; i < CF_IMAGES; i++) {
        const char *path = getenv(variables[i]);
        if (path == NULL || path[0] == '\0')
            return !machine ? 0
                            : cf_fail(err, CF_E_USAGE, 0,
                                      "%s is not set; scripts/conformance --runner vm builds the "
                                      "guest's images and sets it",
                                      variables[i]);
    }
    for (size_t i = 0; i < CF_IMAGES; i++) {
        target->images[i] = realpath(getenv(variables[i]), NULL);
        if (target->images[i] == NULL)
            return cf_fail(err, CF_E_USAGE, errno, "%s: %s", variables[i], getenv(variables[i]));
    }
    return 0;
}

static void set_bounds(struct cf_target *target)
{
    bool machine = strcmp(target->kind, "machine") == 0;
    target->launch_ms = machine ? CF_MACHINE_LAUNCH_MS : CF_LAUNCH_MS;
    target->word_ms = machine ? CF_MACHINE_WORD_MS : CF_WORD_MS;
}

static int find_scale(struct cf_target *target, const char *name, struct cf_error *err)
{
    target->scale = strcmp(target->kind, "machine") == 0 ? CF_SMALL : CF_FULL;
    if (name != NULL && !cf_scale_named(name, &target->scale))
        return cf_fail(err, CF_E_USAGE, 0, "--scale %s: it is full or small", name);
    return 0;
}

int cf_target_find(struct cf_target *target, const struct cf_wanted *wanted, struct cf_error *err)
{
    struct cf_target found = {.bin = strdup(wanted->bin)};
    const char *launcher = wanted->launcher;
    int failed = found.bin == NULL ? cf_fail(err, CF_E_SYSTEM, ENOMEM, "%s", wanted->bin) : 0;
    if (failed == 0)
        failed = find_runner(&found, wanted, err);
    if (failed == 0)
        failed = find_scale(&found, wanted->scale, err);
    if (failed == 0)
        set_bounds(&found);
    if (failed == 0)
        failed = find_images(&found, err);
    if (failed == 0)
        failed = launcher != NULL
                     ? find_program(&found.launcher, launcher, "--launcher", err)
                     : find_own(&found.launcher, found.bin, "firma-run", "--launcher", err);
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

json_t *cf_target_json(const struct cf_target *target)
{
    static const char *const names[CF_IMAGES] = {"kernel", "initrd", "rootfs"};
    json_t *subject =
        json_pack("{ssssssss}", "kind", target->kind, "path", target->runner, "sha256",
                  target->runner_sha256, "scale", cf_scale_name(target->scale));
    json_t *images = json_object();
    for (size_t i = 0; i < CF_IMAGES && target->images[i] != NULL; i++)
        json_object_set_new(images, names[i], json_string(target->images[i]));
    if (json_object_size(images) > 0)
        json_object_set(subject, "images", images);
    json_decref(images);
    return subject;
}

void cf_target_release(struct cf_target *target)
{
    for (size_t i = 0; i < CF_IMAGES; i++)
        free(target->images[i]);
    free(target->runner);
    free(target->launcher);
    free(target->bin);
    *target = (struct cf_target){0};
}
