#include "launcher/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "contract/custody.h"
#include "launcher/flags.h"
#include "launcher/remove_tree.h"

#define BIRTH_PREFIX ".new-"

/* The variable that decides, or NULL for /tmp; *VALUE its directory. */
static const char *default_base(char *const *environment, const char **value)
{
    static const char *const variables[] = {"XDG_RUNTIME_DIR", "TMPDIR"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        *value = firma_environment_get(environment, variables[i]);
        if (*value != NULL && **value != '\0')
            return variables[i];
    }
    *value = "/tmp";
    return NULL;
}

static int locate(struct firma_runtime_root *out, const char *path, bool is_default,
                  const char *origin, struct firma_error *err)
{
    struct firma_place place;
    int result = firma_custody_locate(path, !is_default, &place, err);
    if (result < 0)
        return firma_wrap(err, "%s", origin);
    *out = (struct firma_runtime_root){.path = place.path, .is_default = is_default};
    place.path = NULL;
    firma_place_close(&place);
    return 0;
}

int firma_runtime_root_find(struct firma_runtime_root *out, char *const *environment,
                            const char *override, struct firma_error *err)
{
    if (override != NULL)
        return locate(out, override, false, "--runtime-dir", err);
    const char *base;
    const char *variable = default_base(environment, &base);
    char path[FIRMA_MAX_PATH + 64];
    int length = snprintf(path, sizeof path, "%s/firma-run-%ld", base, (long)geteuid());
    if (length < 0 || (size_t)length >= sizeof path)
        return firma_fail(err, FIRMA_E_CONFIG, ENAMETOOLONG, "%s", variable);
    return locate(out, path, true, variable != NULL ? variable : "runtime directory", err);
}

void firma_runtime_root_clear(struct firma_runtime_root *root)
{
    free(root->path);
    *root = (struct firma_runtime_root){0};
}

/* Finds ROOT's directory again. Its path was canonical when it was found: a link on the way was put
 * there since. */
static int return_to(const struct firma_runtime_root *root, struct firma_place *place,
                     struct firma_error *err)
{
    int result = firma_custody_locate(root->path, false, place, err);
    if (result < 0 || strcmp(place->path, root->path) == 0)
        return result;
    result = firma_fail(err, FIRMA_E_CUSTODY, 0, "%.400s: leads to %.400s now; start again",
                        root->path, place->path);
    firma_place_close(place);
    return result;
}

/* Opens ROOT, made if it is missing. The directory of the default place must be ours alone; one the
 * operator named need only be safe to have our own directory in. */
static int open_root(const struct firma_runtime_root *root, bool *made, struct firma_error *err)
{
    struct firma_place place;
    int result = return_to(root, &place, err);
    if (result < 0)
        return result;
    *made = mkdirat(place.dirfd, place.name, 0700) == 0;
    if (!*made && errno != EEXIST)
        result = firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot create %s", root->path);
    int fd = result < 0
                 ? -1
                 : openat(place.dirfd, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (result == 0 && fd < 0)
        result = firma_fail(err, FIRMA_E_CUSTODY, errno, "%s", root->path);
    firma_place_close(&place);
    if (result == 0 && root->is_default)
        result = firma_custody_private_dir(fd, root->path, err);
    if (result == 0 && !root->is_default)
        result = firma_custody_directory(fd, root->path, err);
    if (result < 0 && fd >= 0)
        close(fd);
    return result < 0 ? result : fd;
}

/* Born, locked and only then given the name a sweep looks for. */
static int make_directory(struct firma_runtime_dir *dir, const char *path, struct firma_error *err)
{
    char birth[sizeof BIRTH_PREFIX + FIRMA_UUID_SIZE];
    snprintf(birth, sizeof birth, BIRTH_PREFIX "%s", dir->name);
    if (mkdirat(dir->root_fd, birth, 0700) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot create %s/%s", path, birth);
    dir->fd = openat(dir->root_fd, birth, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir->fd >= 0 && fchmod(dir->fd, 0700) == 0 && flock(dir->fd, LOCK_EX | LOCK_NB) == 0 &&
        faccessat(dir->root_fd, dir->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
        renameat(dir->root_fd, birth, dir->root_fd, dir->name) == 0)
        return 0;
    int errnum = errno;
    unlinkat(dir->root_fd, birth, AT_REMOVEDIR);
    return firma_fail(err, FIRMA_E_SYSTEM, errnum, "cannot set up %s/%s", path, dir->name);
}

static void remove_root(const struct firma_runtime_dir *dir)
{
    if (dir->root_is_ours && rmdir(dir->root) < 0 && errno == EIO)
        rmdir(dir->root); /* fails, as it should, while another launch is in it */
}

/* Nothing is left of what was begun. */
static void abandon(struct firma_runtime_dir *dir)
{
    remove_root(dir);
    firma_runtime_dir_close(dir);
}

static int try_create(struct firma_runtime_dir *out, const struct firma_runtime_root *root,
                      const char *sandbox_id, struct firma_error *err)
{
    bool made_root = false;
    struct firma_runtime_dir made = {.root_fd = open_root(root, &made_root, err), .fd = -1};
    if (made.root_fd < 0) {
        if (made_root)
            rmdir(root->path);
        return made.root_fd;
    }
    made.root_is_ours = root->is_default || made_root;
    snprintf(made.name, sizeof made.name, "%s", sandbox_id);
    snprintf(made.root, sizeof made.root, "%s", root->path);
    firma_runtime_dir_sweep(made.root_fd);
    int result = make_directory(&made, root->path, err);
    if (result == 0)
        *out = made;
    else
        abandon(&made);
    return result;
}

/* Another launch that ends may remove an empty root under our hands: then it is made anew. */
int firma_runtime_dir_create(struct firma_runtime_dir *out, const struct firma_runtime_root *root,
                             const char *sandbox_id, struct firma_error *err)
{
    enum { ATTEMPTS = 16 };
    struct firma_error failure = {0};
    int result = 0;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        result = try_create(out, root, sandbox_id, &failure);
        if (result == 0 || failure.errnum != ENOENT)
            break;
    }
    if (result < 0 && err != NULL)
        *err = failure;
    return result;
}

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        text += written;
        length -= (size_t)written;
    }
    return 0;
}

int firma_runtime_dir_write(const struct firma_runtime_dir *dir, const char *name, const char *text,
                            struct firma_error *err)
{
    FIRMA_AUTOCLOSE int fd =
        openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, 0600) < 0 || write_all(fd, text, strlen(text)) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot write %s in the runtime directory",
                          name);
    return 0;
}

#define KEPT_MARK "kept"

int firma_runtime_dir_keep(const struct firma_runtime_dir *dir, struct firma_error *err)
{
    return firma_runtime_dir_write(dir, KEPT_MARK, "", err);
}

void firma_runtime_dir_remove(const struct firma_runtime_dir *dir)
{
    if (dir->root_fd < 0)
        return;
    /* Once more: nobody else will, before the next launch. */
    if (firma_remove_tree(dir->root_fd, dir->name) < 0)
        firma_remove_tree(dir->root_fd, dir->name);
    remove_root(dir);
}

void firma_runtime_dir_close(struct firma_runtime_dir *dir)
{
    if (dir->fd >= 0)
        close(dir->fd);
    if (dir->root_fd >= 0)
        close(dir->root_fd);
    *dir = (struct firma_runtime_dir){.root_fd = -1, .fd = -1};
}
