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
static const char *const masked[] = {"kcore",      "kmsg",        "keys",        "key-users",
                                     "timer_list", "sched_debug", "kallsyms",    "kpagecount",
                                     "kpageflags", "kpagecgroup", "vmallocinfo", "slabinfo",
                                     "scsi",       "acpi",        "asound",      "driver"};

static int freeze(int proc, const char *name, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int tree = firma_tree_clone(proc, name, QUIET | FIRMA_MNT_READ_ONLY, err);
    return tree < 0 ? tree : firma_tree_attach(tree, proc, name, err);
}

/* A file is covered by /dev/null made useless (nodev), a directory by an empty one. */
static int mask(int proc, const char *name, bool directory, struct firma_error *err)
{
    if (directory)
        return firma_root_mount(proc, name, "tmpfs", NULL, QUIET | FIRMA_MNT_READ_ONLY, err);
    return firma_root_bind(proc, name, "/dev/null", QUIET | FIRMA_MNT_READ_ONLY, err);
}

/* 1 if it is there, 0 if this kernel has none. */
static int look_for(int proc, const char *name, struct stat *info, struct firma_error *err)
{
    if (fstatat(proc, name, info, 0) == 0)
        return 1;
    return errno == ENOENT ? 0 : firma_fail(err, FIRMA_E_MOUNT, errno, "%s", name);
}

static int restrict_proc(int proc, struct firma_error *err)
{
    struct stat info;
    int result = 0;
    for (size_t i = 0; i < sizeof read_only / sizeof read_only[0] && result == 0; i++)
        if ((result = look_for(proc, read_only[i], &info, err)) > 0)
            result = freeze(proc, read_only[i], err);
    for (size_t i = 0; i < sizeof masked / sizeof masked[0] && result == 0; i++)
        if ((result = look_for(proc, masked[i], &info, err)) > 0)
            result = mask(proc, masked[i], S_ISDIR(info.st_mode), err);
    return result < 0 ? firma_wrap(err, "guest's /proc") : 0;
}

int firma_root_build_proc(int root, struct firma_error *err)
{
    if (firma_root_mount(root, "proc", "proc", NULL, QUIET, err) < 0)
        return firma_wrap(err, "guest's /proc (a masked /proc on this host forbids it)");
    FIRMA_AUTOCLOSE int proc = openat(root, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's /proc");
    return restrict_proc(proc, err);
}
