/*
 * The contract's mounts.
 *
 * A target is walked one component at a time, on descriptors, following no symbolic link: an
 * earlier read-write mount may hold links that a former guest left there, and a target that led
 * through one would end somewhere the operator never named.
 */
#include "runner/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/mountapi_linux.h"

/* Opens a source as the launcher canonicalised it: a symbolic link on the way was put there since.
 */
static int open_source(const char *path, struct firma_error *err)
{
    const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd < 0 && errno == ELOOP)
        return firma_fail(err, FIRMA_E_MOUNT, 0, "%.400s: passes through a symbolic link", path);
    return fd >= 0 ? fd : firma_fail(err, FIRMA_E_MOUNT, errno, "%.400s", path);
}

static int clone_one(const struct firma_mount *mount, struct firma_error *err)
{
    unsigned attributes = FIRMA_MNT_NOSUID | FIRMA_MNT_NODEV;
    if (mount->read_only)
        attributes |= FIRMA_MNT_READ_ONLY;
    FIRMA_AUTOCLOSE int source = open_source(mount->source, err);
    if (source < 0)
        return source;
    int tree = firma_tree_clone(source, "", attributes, err);
    return tree >= 0 ? tree : firma_wrap(err, "%.400s", mount->source);
}

int firma_guest_clone_mounts(const struct firma_contract *contract, int *trees,
                             struct firma_error *err)
{
    for (size_t i = 0; i < contract->mount_count; i++) {
        trees[i] = clone_one(&contract->mounts[i], err);
        if (trees[i] < 0) {
            while (i-- > 0)
                close(trees[i]);
            return firma_wrap(err, "mount source");
        }
    }
    return 0;
}

/* Opens the directory NAME in DIR, creating it if it is missing. */
static int enter_directory(int dir, const char *name, const char *target, struct firma_error *err)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return firma_fail(err, FIRMA_E_MOUNT, 0, "%.400s: not a normal path", target);
    if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST && errno != EROFS)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "%.400s: create %.200s", target, name);
    int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno,
                          "%.400s: %.200s is not a directory that can be mounted on", target, name);
    return fd;
}

/* Opens the directory TARGET below ROOT (caller's). */
static int enter_target(int root, const char *target, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int dir = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's root");
    char rest[FIRMA_MAX_PATH + 1];
    if (strlen(target) >= sizeof rest)
        return firma_fail(err, FIRMA_E_MOUNT, ENAMETOOLONG, "%.200s", target);
    strcpy(rest, target);
    char *save = NULL;
    for (char *name = strtok_r(rest, "/", &save); name != NULL; name = strtok_r(NULL, "/", &save)) {
        int next = enter_directory(dir, name, target, err);
        if (next < 0)
            return next;
        close(dir);
        dir = next;
    }
    int result = dir;
    dir = -1;
    return result;
}

int firma_guest_attach_mounts(const struct firma_contract *contract, const int *trees, int root,
                              struct firma_error *err)
{
    for (size_t i = 0; i < contract->mount_count; i++) {
        const char *target = contract->mounts[i].target;
        FIRMA_AUTOCLOSE int dir = enter_target(root, target, err);
        if (dir < 0 || firma_tree_attach(trees[i], dir, "", err) < 0)
            return firma_wrap(err, "mount target %.300s", target);
    }
    return 0;
}
