/*
 * The guest's view of the file system.
 *
 * A fresh tmpfs is mounted on top of "/", where it is reachable by descriptor only: paths still
 * lead into the host's tree, so sources are taken by path and put in place by descriptor. Then the
 * root is exchanged and the host's tree is detached as a whole. What is writable afterwards: /tmp,
 * /dev/shm, terminals, and the contract's read-write mounts.
 *
 * Everything happens with the rights of the caller's one id inside its own user namespace. A tree
 * is cloned together with everything mounted below it, because the kernel refuses to show what such
 * a mount covers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/mountapi_linux.h"
#include "runner/ns/ns.h"

enum { SYSTEM = FIRMA_MNT_READ_ONLY | FIRMA_MNT_NOSUID | FIRMA_MNT_NODEV };

/* The host's directories a guest may read. A link is made anew; what is absent is left out. */
static const char *const system_directories[] = {"usr",   "bin",   "sbin",   "lib",
                                                 "lib32", "lib64", "libx32", "opt"};

static const struct {
    const char *name;
    const char *link; /* NULL: a directory */
    mode_t mode;
} skeleton[] = {
    {"etc", NULL, 0755},  {"dev", NULL, 0755}, {"proc", NULL, 0755},     {"run", NULL, 0755},
    {"tmp", NULL, 01777}, {"var", NULL, 0755}, {"var/run", "../run", 0}, {"var/tmp", "../tmp", 0},
};

static int bind_system_directory(int root, const char *name, struct firma_error *err)
{
    char source[16];
    char target[FIRMA_MAX_PATH + 1];
    struct stat info;
    snprintf(source, sizeof source, "/%s", name);
    if (lstat(source, &info) < 0)
        return errno == ENOENT ? 0 : firma_fail(err, FIRMA_E_MOUNT, errno, "%s", source);
    if (S_ISLNK(info.st_mode)) {
        ssize_t length = readlink(source, target, sizeof target - 1);
        if (length < 0)
            return firma_fail(err, FIRMA_E_MOUNT, errno, "%s", source);
        target[length] = '\0';
        return firma_root_link(root, name, target, err);
    }
    int result = firma_root_directory(root, name, 0755, err);
    return result < 0 ? result : firma_root_bind(root, name, source, SYSTEM, err);
}

static int build_skeleton(int root, struct firma_error *err)
{
    int result = 0;
    for (size_t i = 0; i < sizeof skeleton / sizeof skeleton[0] && result == 0; i++)
        result = skeleton[i].link != NULL
                     ? firma_root_link(root, skeleton[i].name, skeleton[i].link, err)
                     : firma_root_directory(root, skeleton[i].name, skeleton[i].mode, err);
    for (size_t i = 0; i < sizeof system_directories / sizeof system_directories[0]; i++)
        if (result == 0)
            result = bind_system_directory(root, system_directories[i], err);
    return result;
}

/* Creates the new root on top of the old one; returns its descriptor. */
static int create_root(struct firma_error *err)
{
    static const char *const options[] = {"mode", "0755", NULL};
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "detach from the host's mounts");
    FIRMA_AUTOCLOSE int tree =
        firma_tree_create("tmpfs", options, FIRMA_MNT_NOSUID | FIRMA_MNT_NODEV, err);
    if (tree < 0)
        return tree;
    int result = firma_tree_attach(tree, AT_FDCWD, "/", err);
    if (result < 0)
        return result;
    result = tree;
    tree = -1;
    return result;
}

int firma_ns_root_begin(struct firma_ns_root *out, struct firma_error *err)
{
    umask(0);
    struct firma_ns_root made = {.dir = create_root(err), .covers = {-1, -1}};
    if (made.dir < 0)
        return made.dir;
    int result = build_skeleton(made.dir, err);
    if (result == 0)
        result = firma_root_mount_proc(made.dir, "run", &made.covers, err);
    if (result == 0)
        *out = made;
    else
        firma_ns_root_close(&made);
    return result;
}

int firma_ns_root_restrict(const void *context, struct firma_error *err)
{
    const struct firma_ns_root *root = context;
    return firma_root_restrict_proc(root->dir, &root->covers, err);
}

void firma_ns_root_close(struct firma_ns_root *root)
{
    firma_root_covers_close(&root->covers);
    close(root->dir);
    root->dir = -1;
}

static int build_private(int root, struct firma_error *err)
{
    int result = firma_root_part(root, "tmp", FIRMA_MNT_NOSUID | FIRMA_MNT_NODEV, err);
    if (result == 0)
        result = firma_ns_build_etc(root, err);
    return result < 0 ? result : firma_root_build_dev(root, err);
}

static int attach_mounts(int root, const struct firma_contract *contract, struct firma_error *err)
{
    int trees[FIRMA_MAX_MOUNTS];
    int result = firma_guest_clone_mounts(contract, trees, err);
    if (result < 0)
        return result;
    result = firma_guest_attach_mounts(contract, trees, root, err);
    for (size_t i = 0; i < contract->mount_count; i++)
        close(trees[i]);
    return result;
}

/* Exchanges the roots without a directory for the old one: it ends on top of the new one, and the
 * working directory leads to it (pivot_root(2), "pivot_root(".", ".")"). */
static int enter_root(int root, struct firma_error *err)
{
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "pivot_root");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "leave the host's root");
    return 0;
}

int firma_ns_root_finish(const struct firma_ns_root *root, const struct firma_contract *contract,
                         struct firma_error *err)
{
    int result = build_private(root->dir, err);
    if (result == 0)
        result = attach_mounts(root->dir, contract, err);
    if (result == 0)
        result = firma_mount_seal(root->dir, err);
    return result < 0 ? result : enter_root(root->dir, err);
}
