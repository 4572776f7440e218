/* fds_linux.c - descriptors and processes, the small change of the lab. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lab_linux.h"

enum { KEEP_MAX = 128 };

static int ascending(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

void cf_lab_keep_fds(const int *keep, size_t count)
{
    int sorted[KEEP_MAX];
    if (count > KEEP_MAX)
        abort();
    for (size_t i = 0; i < count; i++)
        sorted[i] = keep[i];
    qsort(sorted, count, sizeof *sorted, ascending);
    unsigned first = 3;
    for (size_t i = 0; i < count; i++) {
        if (sorted[i] < (int)first)
            continue;
        if ((unsigned)sorted[i] > first)
            close_range(first, (unsigned)sorted[i] - 1, 0);
        first = (unsigned)sorted[i] + 1;
    }
    close_range(first, ~0u, 0);
}

int cf_lab_null_fds(int last)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -1;
    for (int fd = 0; fd <= last; fd++)
        dup2(null, fd);
    if (null > last)
        close(null);
    return 0;
}

int cf_lab_wait_fd(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int count;
    do
        count = poll(&wait, 1, timeout_ms);
    while (count < 0 && errno == EINTR);
    return count;
}

int cf_lab_put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, text, strlen(text));
    int saved = errno;
    close(fd);
    errno = saved;
    return written == (ssize_t)strlen(text) ? 0 : -1;
}

int cf_lab_reap(pid_t pid, int timeout_ms)
{
    int status = -1;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) /* somebody else has waited for it; the number may be another's by now */
        return -1;
    bool ended = cf_lab_wait_fd(fd, timeout_ms) > 0;
    if (!ended)
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    close(fd);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return ended ? status : -1;
}
