/* tech_namespace_linux.c - other namespaces: made here, or joined wherever one is visible. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

static void loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = probe_socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0)
        return;
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags |= IFF_UP;
        ioctl(fd, SIOCSIFFLAGS, &request);
    }
    close(fd);
}

/* First with the capabilities a new user namespace brings, then from a network of its own. */
void probe_tech_unshare_net(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_outcome quick = {0};
    struct probe_step half = *step;
    half.expires -= (uint64_t)probe_left(step, 2) * 1000000u;
    if (unshare(CLONE_NEWUSER) == 0)
        probe_try(out, PROBE_ERROR, 0, "new user namespace");
    else
        probe_try_errno(out, errno, "new user namespace");
    probe_then(&half, &quick);
    probe_try(out, (enum probe_result)quick.result, quick.errnum, "%.300s", quick.detail);
    if (unshare(CLONE_NEWNET) != 0) {
        probe_try_errno(out, errno, "new network namespace");
        return;
    }
    loopback_up();
    probe_try(out, PROBE_ERROR, 0, "in a new network namespace");
    probe_then(step, out);
}

enum { NAMESPACES = 64 };

struct seen {
    ino_t inode[NAMESPACES];
    size_t count;
};

static bool is_new(struct seen *seen, ino_t inode)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->inode[i] == inode)
            return false;
    }
    if (seen->count == NAMESPACES)
        return false;
    seen->inode[seen->count++] = inode;
    return true;
}

/* In a child, so that the next one is joined from where we were. */
static void join(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    struct probe_outcome inner = {0};
    int fds[2], status;
    if (pipe(fds) != 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        alarm((unsigned)(step->deadline_ms / 1000 + 1));
        if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) {
            probe_try_errno(&inner, errno, "join %s", path);
        } else {
            probe_try(&inner, PROBE_ERROR, 0, "joined %s", path);
            probe_then(step, &inner);
        }
        probe_write(fds[1], &inner, sizeof inner);
        _exit(0);
    }
    close(fds[1]);
    if (pid > 0 && read(fds[0], &inner, sizeof inner) == (ssize_t)sizeof inner)
        probe_try(out, (enum probe_result)inner.result, inner.errnum, "%.200s", inner.detail);
    if (pid > 0)
        waitpid(pid, &status, 0);
    close(fds[0]);
}

void probe_tech_setns_any(const struct probe_step *step, struct probe_outcome *out)
{
    struct seen seen = {0};
    struct stat info;
    DIR *proc = opendir("/proc");
    long pid;
    if (stat("/proc/self/ns/net", &info) == 0)
        is_new(&seen, info.st_ino);
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
        char path[64];
        if (!probe_number(entry->d_name, 1, 1L << 30, &pid))
            continue;
        snprintf(path, sizeof path, "/proc/%ld/ns/net", pid);
        if (stat(path, &info) == 0 && is_new(&seen, info.st_ino))
            join(step, path, out);
    }
    if (proc != NULL)
        closedir(proc);
    if (seen.count <= 1)
        probe_try_errno(out, ESRCH, "no other network namespace in sight");
}
