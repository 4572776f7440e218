/*
 * The guest's /etc: the host's entries one by one, read-only, with resolver files of our own.
 *
 * One by one, because the host's resolv.conf is often a symbolic link into /run, which the guest
 * does not have: such a link cannot be mounted over, and a tree that contains it cannot be changed.
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

static int copy_link(int source, int etc, const char *name, struct firma_error *err)
{
    char target[FIRMA_MAX_PATH + 1];
    ssize_t length = readlinkat(source, name, target, sizeof target - 1);
    if (length < 0)
        return errno == ENOENT ? 0 : firma_fail(err, FIRMA_E_MOUNT, errno, SOURCE "/%s", name);
    target[length] = '\0';
    return firma_root_link(etc, name, target, err);
}

/* Mounts an entry. One that has gone since it was listed leaves an empty place: hosts change. */
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

/* Sockets, FIFOs and devices are doors, not configuration: they stay behind. */
static int copy_entry(int source, int etc, const char *name, struct firma_error *err)
{
    struct stat info;
    if (fstatat(source, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : firma_fail(err, FIRMA_E_MOUNT, errno, SOURCE "/%s", name);
    if (S_ISLNK(info.st_mode))
        return copy_link(source, etc, name, err);
    if (S_ISDIR(info.st_mode) || S_ISREG(info.st_mode))
        return bind_entry(source, etc, name, S_ISDIR(info.st_mode), err);
    return 0;
}

static bool is_wanted(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !firma_guest_owns_etc_file(name);
}

static int copy_entries(int etc, struct firma_error *err)
{
    DIR *list = opendir(SOURCE);
    if (list == NULL)
        return firma_fail(err, FIRMA_E_MOUNT, errno, SOURCE);
    int result = 0;
    struct dirent *entry;
    while (result == 0 && (errno = 0, entry = readdir(list)) != NULL)
        if (is_wanted(entry->d_name))
            result = copy_entry(dirfd(list), etc, entry->d_name, err);
    if (result == 0 && errno != 0)
        result = firma_fail(err, FIRMA_E_MOUNT, errno, SOURCE);
    closedir(list);
    return result;
}

int firma_ns_build_etc(int root, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int etc = openat(root, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (etc < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's /etc");
    int result = firma_guest_write_resolver(etc, err);
    return result < 0 ? result : copy_entries(etc, err);
}
