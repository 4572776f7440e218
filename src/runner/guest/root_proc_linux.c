/*
 * The guest's /proc: its own processes only, and nothing of the machine to turn.
 *
 * Files under /proc/sys answer to the machine's root by user id alone, without asking for a
 * capability: a command that runs as that user would rewrite kernel.core_pattern from inside. Hence
 * read-only, and masks over what tells about the machine. They also make the kernel refuse the
 * command a second, unmasked proc in namespaces of its own (mount_namespaces(7), "locked").
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/mountapi_linux.h"
#include "runner/guest/root_linux.h"

enum { QUIET = FIRMA_MNT_NOSUID | FIRMA_MNT_NODEV | FIRMA_MNT_NOEXEC };

static const char *const read_only[] = {"sys", "sysrq-trigger", "irq", "bus", "fs"};
static const char *const masked_files[] = {
    "kcore",    "kmsg",       "keys",       "key-users",   "timer_list",  "sched_debug",
    "kallsyms", "kpagecount", "kpageflags", "kpagecgroup", "vmallocinfo", "slabinfo",
};
static const char *const masked_directories[] = {"scsi", "acpi", "asound", "driver"};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* 1 if it is there, 0 if this kernel has none. */
static int look_for(int proc, const char *name, struct firma_error *err)
{
    struct stat info;
    if (fstatat(proc, name, &info, 0) == 0)
        return 1;
    return errno == ENOENT ? 0 : firma_fail(err, FIRMA_E_MOUNT, errno, "%s", name);
}

static int freeze_all(int proc, struct firma_error *err)
{
    int result = 0;
    for (size_t i = 0; i < COUNT(read_only) && result == 0; i++)
        if ((result = look_for(proc, read_only[i], err)) > 0)
            result = firma_root_part(proc, read_only[i], QUIET | FIRMA_MNT_READ_ONLY, err);
    return result;
}

/* Covers what there is of NAMES: the first by COVER, each other like the one before. */
static int mask(int proc, const char *const *names, size_t count, int cover,
                struct firma_error *err)
{
    const char *covered = NULL;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        result = look_for(proc, names[i], err);
        if (result <= 0)
            continue;
        FIRMA_AUTOCLOSE int copy = covered != NULL ? firma_tree_copy(proc, covered, err) : -1;
        if (covered != NULL && copy < 0)
            return copy;
        result = firma_tree_attach(covered != NULL ? copy : cover, proc, names[i], err);
        covered = names[i];
    }
    return result;
}

/* A file is covered by /dev/null made useless (nodev), a directory by an empty one. */
static int make_covers(int root, const char *empty, struct firma_root_covers *covers,
                       struct firma_error *err)
{
    unsigned attributes = QUIET | FIRMA_MNT_READ_ONLY;
    covers->file = firma_tree_clone(AT_FDCWD, "/dev/null", attributes, err);
    if (covers->file < 0)
        return covers->file;
    covers->directory = empty != NULL ? firma_tree_clone(root, empty, attributes, err)
                                      : firma_tree_create("tmpfs", NULL, attributes, err);
    return covers->directory < 0 ? covers->directory : 0;
}

int firma_root_mount_proc(int root, const char *empty, struct firma_root_covers *covers,
                          struct firma_error *err)
{
    struct firma_root_covers made = {-1, -1};
    if (firma_root_mount(root, "proc", "proc", NULL, QUIET, err) < 0)
        return firma_wrap(err, "guest's /proc (a masked /proc on this host forbids it)");
    int result = make_covers(root, empty, &made, err);
    if (result == 0)
        *covers = made;
    else
        firma_root_covers_close(&made);
    return result < 0 ? firma_wrap(err, "guest's /proc") : 0;
}

void firma_root_covers_close(struct firma_root_covers *covers)
{
    if (covers->file >= 0)
        close(covers->file);
    if (covers->directory >= 0)
        close(covers->directory);
    *covers = (struct firma_root_covers){-1, -1};
}

int firma_root_restrict_proc(int root, const struct firma_root_covers *covers,
                             struct firma_error *err)
{
    FIRMA_AUTOCLOSE int proc = openat(root, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's /proc");
    int result = freeze_all(proc, err);
    if (result == 0)
        result = mask(proc, masked_files, COUNT(masked_files), covers->file, err);
    if (result == 0)
        result = mask(proc, masked_directories, COUNT(masked_directories), covers->directory, err);
    return result < 0 ? firma_wrap(err, "guest's /proc") : 0;
}
