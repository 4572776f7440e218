/*
 * root_linux.c - the lab's root: a tmpfs of its own, the machine's folders bound in read-only.
 *
 * The new root is built on top of /tmp, which the lab replaces anyway, and then pivoted to. While
 * it is built it is the working directory: relative paths are the lab's, absolute ones the
 * machine's.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/lab_linux.h"

/* What the lab has of its own, or must not have at all. */
static const char *const OWN[] = {"tmp", "run", "proc", "dev", "sys", "etc", "lab"};

static const struct folder {
    const char *path;
    mode_t mode;
} FOLDERS[] = {
    {"proc", 0755},    {"sys", 0755},        {"dev", 0755},           {"etc", 0755},
    {"run", 0755},     {"tmp", 0755},        {"lab", 0755},           {"lab/bin", 0755},
    {"lab/run", 0700}, {"lab/runner", 0755}, {"lab/artifacts", 0755}, {"lab/work", 0755},
};

int cf_lab_write_file(const char *path, const char *text, struct cf_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (written == (ssize_t)strlen(text))
        return 0;
    return cf_fail(err, CF_E_LAB, saved, "%s", path);
}

static bool is_own(const char *name)
{
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++)
        if (strcmp(name, OWN[i]) == 0)
            return true;
    return false;
}

static int make_folders(struct cf_error *err)
{
    for (size_t i = 0; i < sizeof FOLDERS / sizeof FOLDERS[0]; i++)
        if (mkdir(FOLDERS[i].path, FOLDERS[i].mode) != 0)
            return cf_fail(err, CF_E_LAB, errno, "/%s", FOLDERS[i].path);
    return 0;
}

static int mount_own(struct cf_error *err)
{
    unsigned long flags = MS_NOSUID | MS_NODEV;
    if (mount("proc", "proc", "proc", flags | MS_NOEXEC, NULL) != 0)
        return cf_fail(
            err, CF_E_LAB, errno,
            "/proc cannot be mounted: the machine's own is masked (as in some containers)");
    if (mount("tmpfs", "run", "tmpfs", flags, "mode=0755") != 0 ||
        mount("tmpfs", "tmp", "tmpfs", flags, "mode=1777") != 0)
        return cf_fail(err, CF_E_LAB, errno, "/run and /tmp");
    /* Nice to have; where the machine's /sys is masked the folder stays empty. */
    if (mount("sysfs", "sys", "sysfs", flags | MS_NOEXEC | MS_RDONLY, NULL) != 0)
        errno = 0;
    return 0;
}

/* A coverage build's programs keep their counters in files that outlive the lab: all that a lab
 * ever lets anybody write on the machine. Taken before /tmp is replaced: the build may be there. */
#ifdef FIRMA_COUNTERS_DIR
static int take_counters(struct cf_error *err)
{
    int tree = open_tree(AT_FDCWD, FIRMA_COUNTERS_DIR, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return tree >= 0 ? tree : cf_fail(err, CF_E_LAB, errno, FIRMA_COUNTERS_DIR);
}

static int place_counters(int tree, struct cf_error *err)
{
    int result = mkdir("lab/counters", 0755);
    if (result == 0)
        result = move_mount(tree, "", AT_FDCWD, "lab/counters", MOVE_MOUNT_F_EMPTY_PATH);
    int saved = errno;
    close(tree);
    return result == 0 ? 0 : cf_fail(err, CF_E_LAB, saved, "/lab/counters");
}
#else
static int take_counters(struct cf_error *err)
{
    (void)err;
    return 0;
}

static int place_counters(int tree, struct cf_error *err)
{
    (void)tree;
    (void)err;
    return 0;
}
#endif

static int swap_root(struct cf_error *err)
{
    if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return cf_fail(err, CF_E_LAB, errno, "the new root");
    return 0;
}

/* An empty folder over the reports. What is not bound in needs no cover. */
static int cover(const char *hidden, struct cf_error *err)
{
    struct stat state;
    if (hidden == NULL || lstat(hidden, &state) != 0)
        return 0;
    if (mount("tmpfs", hidden, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "mode=0555,size=4k") != 0)
        return cf_fail(err, CF_E_LAB, errno, "%s cannot be covered", hidden);
    return 0;
}

int cf_lab_build_root(struct cf_lab_entry *entry, struct cf_error *err)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return cf_fail(err, CF_E_LAB, errno, "private mounts");
    int counters = take_counters(err);
    if (counters < 0)
        return counters;
    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID, "mode=0755") != 0 || chdir("/tmp") != 0)
        return cf_fail(err, CF_E_LAB, errno, "a tmpfs");
    int result = make_folders(err);
    if (result == 0)
        result = cf_lab_take_over("", false, is_own, err);
    if (result == 0)
        result = mount_own(err);
    if (result == 0)
        result = cf_lab_build_dev(err);
    if (result == 0)
        result = cf_lab_build_etc(err);
    if (result == 0)
        result = place_counters(counters, err);
    if (result == 0)
        result = swap_root(err);
    if (result == 0)
        result = cf_lab_cover_sockets(entry->sockets, err);
    if (result == 0)
        result = cover(entry->hidden, err);
    return result != 0 ? result : cf_lab_copy_in(entry, err);
}
