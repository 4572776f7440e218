#include "scenarios/ends.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static const char fifo_path[] = "/tmp/firma-conform-fifo";

static void forget(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void cf_ends_close(struct cf_ends *ends)
{
    for (int i = 0; i < 3; i++) {
        forget(&ends->child[i]);
        forget(&ends->ours[i]);
        forget(&ends->files[i]);
    }
    forget(&ends->master);
}

static int make_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC);
}

static int make_socket(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
}

/* Held open for both while its ends are opened: neither open then waits for the other. */
static int make_fifo(int fds[2])
{
    if (mkfifo(fifo_path, 0600) != 0)
        return -1;
    int both = open(fifo_path, O_RDWR | O_CLOEXEC);
    fds[0] = open(fifo_path, O_RDONLY | O_CLOEXEC);
    fds[1] = open(fifo_path, O_WRONLY | O_CLOEXEC);
    forget(&both);
    unlink(fifo_path);
    return fds[0] < 0 || fds[1] < 0 ? -1 : 0;
}

/* A connection of two ends; the child's is the reading one on descriptor 0. */
static int open_stream(struct cf_ends *ends, int fd, int (*make)(int fds[2]))
{
    int fds[2] = {-1, -1};
    if (make(fds) != 0)
        return -1;
    ends->child[fd] = fds[fd == 0 ? 0 : 1];
    ends->ours[fd] = fds[fd == 0 ? 1 : 0];
    return fcntl(ends->ours[fd], F_SETFL, fcntl(ends->ours[fd], F_GETFL) | O_NONBLOCK);
}

/* A file that was there before: what stands in it, and where the offset is, are the caller's. What
 * is to be read is something else than what is to be written over: copied to the same place, it
 * shows. */
static int open_file(struct cf_ends *ends, int fd, bool append)
{
    static const char read_from[] = "none: some of this is read\n";
    static const char written_to[] = "what stood here before\n";
    const char *before = fd == 0 ? read_from : written_to;
    ssize_t length = (ssize_t)strlen(before);
    int flags = O_TMPFILE | O_RDWR | O_CLOEXEC | (append ? O_APPEND : 0);
    int file = open("/tmp", flags, 0600);
    ends->child[fd] = file;
    if (file < 0 || write(file, before, (size_t)length) != length || lseek(file, 5, SEEK_SET) < 0)
        return -1;
    ends->files[fd] = fcntl(file, F_DUPFD_CLOEXEC, 3);
    return ends->files[fd] < 0 ? -1 : 0;
}

static int open_terminal(struct cf_ends *ends, int *slave)
{
    char name[128];
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    ends->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends->master < 0 || grantpt(ends->master) != 0 || unlockpt(ends->master) != 0 ||
        ptsname_r(ends->master, name, sizeof name) != 0)
        return -1;
    *slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave < 0)
        return -1;
    ioctl(*slave, TIOCSWINSZ, &size);
    return fcntl(ends->master, F_SETFL, fcntl(ends->master, F_GETFL) | O_NONBLOCK);
}

/* What is typed goes in by the master, and what is shown is read there, once. */
static int join_terminal(struct cf_ends *ends, int fd, const enum cf_end kinds[3], int *slave)
{
    if (ends->master < 0 && open_terminal(ends, slave) != 0)
        return -1;
    ends->child[fd] = fcntl(*slave, F_DUPFD_CLOEXEC, 3);
    bool shown_already = fd == 2 && kinds[1] == CF_END_TERMINAL;
    if (!shown_already)
        ends->ours[fd] = fcntl(ends->master, F_DUPFD_CLOEXEC, 3);
    return ends->child[fd] < 0 || (!shown_already && ends->ours[fd] < 0) ? -1 : 0;
}

static int open_one(struct cf_ends *ends, int fd, const enum cf_end kinds[3], int *slave)
{
    switch (kinds[fd]) {
    case CF_END_PIPE:
        return open_stream(ends, fd, make_pipe);
    case CF_END_SOCKET:
        return open_stream(ends, fd, make_socket);
    case CF_END_FIFO:
        return open_stream(ends, fd, make_fifo);
    case CF_END_TERMINAL:
        return join_terminal(ends, fd, kinds, slave);
    case CF_END_FILE:
    case CF_END_APPEND:
        return open_file(ends, fd, kinds[fd] == CF_END_APPEND);
    case CF_END_NULL: /* what a start without a descriptor gets */
    case CF_END_CLOSED:
        break;
    }
    return 0;
}

int cf_ends_open(struct cf_ends *ends, const enum cf_end kinds[3], struct cf_error *err)
{
    int slave = -1, failed = 0;
    *ends = (struct cf_ends){{-1, -1, -1}, {-1, -1, -1}, {-1, -1, -1}, -1};
    for (int fd = 0; fd < 3 && failed == 0; fd++)
        failed = open_one(ends, fd, kinds, &slave);
    int saved = errno;
    forget(&slave);
    if (failed == 0)
        return 0;
    cf_ends_close(ends);
    return cf_fail(err, CF_E_SYSTEM, saved, "standard streams of a process");
}
