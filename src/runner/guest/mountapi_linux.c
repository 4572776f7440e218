#include "runner/guest/mountapi_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contract/cleanup.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static uint64_t to_kernel(unsigned attributes)
{
    return ((attributes & FIRMA_MNT_READ_ONLY) != 0 ? MOUNT_ATTR_RDONLY : 0) |
           ((attributes & FIRMA_MNT_NOSUID) != 0 ? MOUNT_ATTR_NOSUID : 0) |
           ((attributes & FIRMA_MNT_NODEV) != 0 ? MOUNT_ATTR_NODEV : 0) |
           ((attributes & FIRMA_MNT_NOEXEC) != 0 ? MOUNT_ATTR_NOEXEC : 0);
}

/* The first layout of struct mount_attr, spelled out because C libraries disagree on who has it. */
static int set_attributes(int fd, unsigned flags, uint64_t attributes)
{
    const struct {
        uint64_t set, clear, propagation, userns_fd;
    } request = {.set = attributes, .propagation = 1ull << 18 /* MS_PRIVATE */};
    return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, &request, sizeof request);
}

int firma_tree_copy(int dirfd, const char *path, struct firma_error *err)
{
    int tree = (int)syscall(SYS_open_tree, dirfd, path,
                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE |
                                (path[0] == '\0' ? (unsigned)AT_EMPTY_PATH : 0));
    return tree >= 0 ? tree : firma_fail(err, FIRMA_E_MOUNT, errno, "%.400s", path);
}

int firma_tree_clone(int dirfd, const char *path, unsigned attributes, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int tree = firma_tree_copy(dirfd, path, err);
    if (tree < 0)
        return tree;
    if (set_attributes(tree, AT_RECURSIVE, to_kernel(attributes)) < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "%.400s: mount_setattr", path);
    int result = tree;
    tree = -1;
    return result;
}

int firma_tree_create(const char *type, const char *const *options, unsigned attributes,
                      struct firma_error *err)
{
    FIRMA_AUTOCLOSE int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (context < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "%s: fsopen", type);
    for (; options != NULL && options[0] != NULL; options += 2)
        if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[0], options[1], 0) < 0)
            return firma_fail(err, FIRMA_E_MOUNT, errno, "%s: option %s", type, options[0]);
    if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "%s: create", type);
    int tree = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, to_kernel(attributes));
    return tree >= 0 ? tree : firma_fail(err, FIRMA_E_MOUNT, errno, "%s: fsmount", type);
}

int firma_tree_attach(int tree, int dirfd, const char *name, struct firma_error *err)
{
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (name[0] == '\0' ? MOVE_MOUNT_T_EMPTY_PATH : 0);
    if (syscall(SYS_move_mount, tree, "", dirfd, name, flags) < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "attach to %.400s", name);
    return 0;
}

int firma_mount_seal(int dirfd, struct firma_error *err)
{
    if (set_attributes(dirfd, 0, MOUNT_ATTR_RDONLY) < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "make read-only");
    return 0;
}
