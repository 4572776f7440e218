/*
 * tech_port_linux.c - serial and virtio ports: whatever has a host's end that nobody declared.
 *
 * The nonce goes into every port that is there by name, and into every one that sysfs knows: a
 * guest's root makes the node itself. What the console's log gets is the machine's to keep.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "root_linux.h"
#include "techniques.h"

static void write_port(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        probe_try_errno(out, errno, "open %s", path);
    else if (write(fd, step->nonce, PROBE_NONCE) != PROBE_NONCE)
        probe_try_errno(out, errno, "write %s", path);
    else
        probe_try(out, PROBE_SENT, 0, "wrote %s", path);
    if (fd >= 0)
        close(fd);
}

static size_t by_name(const struct probe_step *step, const char *folder, const char *begin,
                      struct probe_outcome *out)
{
    size_t count = 0;
    char path[PROBE_PATH];
    DIR *list = opendir(folder);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, begin, strlen(begin)) != 0)
            continue;
        snprintf(path, sizeof path, "%.80s/%.64s", folder, entry->d_name);
        write_port(step, path, out);
        count++;
    }
    if (list != NULL)
        closedir(list);
    return count;
}

/* The devices of sysfs's CLASS whose names begin with BEGIN. */
static size_t by_number(const struct probe_step *step, const char *class, const char *begin,
                        struct probe_outcome *out)
{
    size_t count = 0;
    char sys[PROBE_PATH], folder[PROBE_PATH + 32], path[PROBE_PATH];
    if (!probe_sysfs(sys))
        return 0;
    snprintf(folder, sizeof folder, "%s/class/%s", sys, class);
    DIR *list = opendir(folder);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        unsigned major, minor;
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, begin, strlen(begin)) != 0 ||
            !probe_numbers(folder, entry->d_name, &major, &minor) ||
            !probe_node(path, entry->d_name, false, major, minor))
            continue;
        write_port(step, path, out);
        count++;
    }
    if (list != NULL)
        closedir(list);
    return count;
}

void probe_tech_ports(const struct probe_step *step, struct probe_outcome *out)
{
    static const char *const names[] = {"hvc", "ttyS", "ttyAMA", "vport"};
    size_t count = by_name(step, "/dev/virtio-ports", "", out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        count += by_name(step, "/dev", names[i], out);
    if (probe_owns_kernel(step->self)) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            count += by_number(step, "tty", names[i], out);
        count += by_number(step, "virtio-ports", "vport", out);
    }
    if (count == 0)
        probe_try_errno(out, ENOENT, "no port");
}
