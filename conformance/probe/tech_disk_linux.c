/*
 * tech_disk_linux.c - the disks of a guest's own machine, behind which the operator's image is.
 *
 * The nonce goes to the very beginning of each: the boot sector, which no file system here uses.
 * Only where the kernel is the guest's own; elsewhere path= is the file that a disk would be made
 * of, which is how the control shows that a change of it is seen.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "root_linux.h"
#include "techniques.h"

/* Whether a disk may be written to is first asked of the guest's own kernel, which is its root's.
 */
static void write_front(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    int writable = 0, reader = open(path, O_RDONLY | O_CLOEXEC);
    if (reader >= 0) {
        (void)ioctl(reader, BLKROSET, &writable);
        close(reader);
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        probe_try_errno(out, errno, "open %s", path);
    else if (pwrite(fd, step->nonce, PROBE_NONCE, 0) != PROBE_NONCE || fsync(fd) != 0)
        probe_try_errno(out, errno, "write %s", path);
    else
        probe_try(out, PROBE_SENT, 0, "wrote %s", path);
    if (fd >= 0)
        close(fd);
}

static bool is_made_of_memory(const char *name)
{
    return strncmp(name, "loop", 4) == 0 || strncmp(name, "ram", 3) == 0;
}

static size_t write_all(const struct probe_step *step, struct probe_outcome *out)
{
    size_t count = 0;
    char sys[PROBE_PATH], folder[PROBE_PATH + 32], path[PROBE_PATH];
    if (!probe_sysfs(sys))
        return 0;
    snprintf(folder, sizeof folder, "%s/class/block", sys);
    DIR *list = opendir(folder);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        unsigned major, minor;
        if (entry->d_name[0] == '.' || is_made_of_memory(entry->d_name) ||
            !probe_numbers(folder, entry->d_name, &major, &minor) ||
            !probe_node(path, entry->d_name, true, major, minor))
            continue;
        write_front(step, path, out);
        count++;
    }
    if (list != NULL)
        closedir(list);
    return count;
}

void probe_tech_disk(const struct probe_step *step, struct probe_outcome *out)
{
    const char *path = probe_param(step, "path", NULL);
    if (probe_owns_kernel(step->self)) {
        if (write_all(step, out) == 0)
            probe_try_errno(out, ENOENT, "no disk");
    } else if (path != NULL) {
        write_front(step, path, out);
    } else {
        probe_try(out, PROBE_ERROR, EINVAL, "needs path=");
    }
}
