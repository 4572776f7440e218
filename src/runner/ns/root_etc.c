/*
 * The guest's /etc: the host's, read-only, with resolver files of our own. Its doors (sockets,
 * FIFOs and devices) are no configuration and stay behind.
 *
 * Two ways to the same view. An overlay of our files over the host's is one mount. The kernel has
 * none where something is mounted below /etc (a container's resolv.conf), because it would show
 * what such a mount covers; and a door would show through. There the guest gets the host's entries
 * one by one, some hundred mounts. Mounting over the host's resolv.conf is no third way: it is
 * often a symbolic link into /run, which the guest does not have.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/mountapi_linux.h"
#include "runner/guest/root_linux.h"
#include "runner/ns/ns.h"

#define SOURCE "/etc"

enum { ENTRY = FIRMA_MNT_READ_ONLY | FIRMA_MNT_NOSUID | FIRMA_MNT_NODEV };

/* Looks at one entry, NAME of the folder SOURCE, for the guest's folder ETC. Anything but 0 ends
 * the walk and is its result. */
typedef int take_entry(int source, int etc, const char *name, mode_t type, struct firma_error *err);

static bool is_wanted(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !firma_guest_owns_etc_file(name);
}

/* TYPE: as of S_IFMT; 0 for an entry that has gone since it was listed, for hosts change. */
static int find_type(int source, const struct dirent64 *entry, mode_t *type,
                     struct firma_error *err)
{
    struct stat info = {.st_mode = DTTOIF(entry->d_type)};
    if (entry->d_type == DT_UNKNOWN &&
        fstatat(source, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
        return firma_fail(err, FIRMA_E_MOUNT, errno, SOURCE "/%s", entry->d_name);
    *type = info.st_mode & S_IFMT;
    return 0;
}

static int look_at(int source, int etc, const struct dirent64 *entry, take_entry *take,
                   struct firma_error *err)
{
    mode_t type = 0;
    if (!is_wanted(entry->d_name))
        return 0;
    int result = find_type(source, entry, &type, err);
    return result == 0 ? take(source, etc, entry->d_name, type, err) : result;
}

/* Without readdir(3), whose buffer costs some per cent of a whole launch. */
static int for_each_entry(int etc, take_entry *take, struct firma_error *err)
{
    _Alignas(struct dirent64) char list[4096];
    FIRMA_AUTOCLOSE int source = open(SOURCE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ssize_t size = source;
    int result = 0;
    while (size >= 0 && result == 0 && (size = getdents64(source, list, sizeof list)) > 0) {
        for (ssize_t at = 0; at < size && result == 0;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(list + at);
            result = look_at(source, etc, entry, take, err);
            at += entry->d_reclen;
        }
    }
    return size < 0 ? firma_fail(err, FIRMA_E_MOUNT, errno, SOURCE) : result;
}

/* ---- one by one ---- */

static int copy_link(int source, int etc, const char *name, struct firma_error *err)
{
    char target[FIRMA_MAX_PATH + 1];
    ssize_t length = readlinkat(source, name, target, sizeof target - 1);
    if (length < 0)
        return errno == ENOENT ? 0 : firma_fail(err, FIRMA_E_MOUNT, errno, SOURCE "/%s", name);
    target[length] = '\0';
    return firma_root_link(etc, name, target, err);
}

/* Mounts an entry. One that has gone since it was listed leaves an empty place. */
static int bind_entry(int source, int etc, const char *name, bool directory,
                      struct firma_error *err)
{
    struct firma_error inner = {0};
    int result =
        directory ? firma_root_directory(etc, name, 0755, err) : firma_root_file(etc, name, err);
    if (result < 0)
        return result;
    FIRMA_AUTOCLOSE int tree = firma_tree_clone(source, name, ENTRY, &inner);
    if ((tree < 0 || firma_tree_attach(tree, etc, name, &inner) < 0) && inner.errnum != ENOENT)
        return firma_fail(err, inner.code, inner.errnum, SOURCE "/%s", name);
    return 0;
}

static int copy_entry(int source, int etc, const char *name, mode_t type, struct firma_error *err)
{
    if (S_ISLNK(type))
        return copy_link(source, etc, name, err);
    if (S_ISDIR(type) || S_ISREG(type))
        return bind_entry(source, etc, name, S_ISDIR(type), err);
    return 0;
}

/* ---- all at once ---- */

/* 1 ends the walk: a door. */
static int is_door(int source, int etc, const char *name, mode_t type, struct firma_error *err)
{
    (void)source;
    (void)etc;
    (void)name;
    (void)err;
    return type != 0 && !S_ISLNK(type) && !S_ISDIR(type) && !S_ISREG(type);
}

/* The host's entries below those that are in ETC. 1 if the kernel cannot do that here. */
static int layer(int root, int etc, struct firma_error *err)
{
    char layers[64];
    struct firma_error inner = {0};
    snprintf(layers, sizeof layers, "/proc/self/fd/%d:" SOURCE, etc);
    const char *const options[] = {"lowerdir", layers, NULL};
    FIRMA_AUTOCLOSE int tree = firma_tree_create("overlay", options, ENTRY, &inner);
    if (tree >= 0)
        return firma_tree_attach(tree, root, "etc", err);
    if (inner.errnum == ENODEV || inner.errnum == EINVAL)
        return 1;
    return firma_fail(err, inner.code, 0, "guest's /etc: %s", inner.text);
}

int firma_ns_build_etc(int root, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int etc = openat(root, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (etc < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's /etc");
    int result = firma_guest_write_resolver(etc, err);
    if (result == 0)
        result = for_each_entry(etc, is_door, err);
    if (result == 0)
        result = layer(root, etc, err);
    return result <= 0 ? result : for_each_entry(etc, copy_entry, err);
}
