/*
 * faults_host.c - a host on which confinement cannot be had.
 *
 * The lab's own limits on namespaces are set to none: whoever confines by them fails at that very
 * step, and must not do without.
 */
#include "scenarios/faults.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void set_limit(const char *kind, const char *value)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/sys/user/max_%s_namespaces", kind);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? -1 : write(fd, value, strlen(value));
    if (fd >= 0)
        close(fd);
    (void)written; /* a fault that was not made shows: the command runs */
}

#define HOST(kind)                                                                                 \
    static void forbid_##kind(struct cf_attempt *attempt)                                          \
    {                                                                                              \
        (void)attempt;                                                                             \
        set_limit(#kind, "0");                                                                     \
    }                                                                                              \
    static void allow_##kind(struct cf_attempt *attempt)                                           \
    {                                                                                              \
        (void)attempt;                                                                             \
        set_limit(#kind, "10000");                                                                 \
    }
HOST(user)
HOST(mnt)
HOST(net)
HOST(pid)
HOST(ipc)
HOST(uts)
#undef HOST

#define HOST(name, kind)                                                                           \
    {                                                                                              \
        name, CF_THROUGH, NULL, NULL, NULL, NULL, forbid_##kind, NULL, NULL, allow_##kind          \
    }
const struct cf_fault cf_host_faults[] = {
    HOST("no-user-namespace", user),
    HOST("no-mount-namespace", mnt),
    HOST("no-net-namespace", net),
    HOST("no-pid-namespace", pid),
    HOST("no-ipc-namespace", ipc),
    HOST("no-uts-namespace", uts),
    {.name = NULL},
};
