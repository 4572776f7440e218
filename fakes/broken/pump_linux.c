/* pump_linux.c - a runner that copies the command's output instead of handing its streams over. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakes/broken/pump.h"

/* IDLE: longer than a busy machine keeps a command from writing on. */
enum { CHUNK = 65536, IDLE_MS = 500, GATHERED = 8 };

static pid_t pump = -1, feeder = -1;

static void write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = write(fd, data, length);
        if (sent < 0 && errno != EINTR)
            _exit(1);
        data += sent > 0 ? sent : 0;
        length -= sent > 0 ? (size_t)sent : 0;
    }
}

/* Takes everything, however much, before it passes anything on. */
static void hoard(int from, int to)
{
    size_t used = 0, room = 0;
    char *all = NULL;
    struct pollfd ready = {.fd = from, .events = POLLIN};
    for (;;) {
        while (poll(&ready, 1, IDLE_MS) > 0) {
            if (room - used < CHUNK)
                all = realloc(all, room += 16 * CHUNK);
            ssize_t got = all == NULL ? -1 : read(from, all + used, CHUNK);
            if (got <= 0) {
                write_all(to, all, used);
                _exit(0);
            }
            used += (size_t)got;
        }
        write_all(to, all, used);
        used = 0;
    }
}

static void change(char *data, ssize_t length, enum fake_pump kind)
{
    for (ssize_t i = 0; kind == FAKE_PUMP_SEVEN_BITS && i < length; i++)
        data[i] = (char)(data[i] & 0x7f);
}

/* How much of DATA is passed on now; a full buffer always is. */
static size_t due(const char *data, size_t all, enum fake_pump kind)
{
    const char *last = memrchr(data, '\n', all);
    bool enough =
        kind == FAKE_PUMP_GATHERS ? all >= GATHERED || data[all - 1] == '\n' : last == NULL;
    return all == CHUNK || enough ? all : last == NULL ? 0 : (size_t)(last - data) + 1;
}

static void copy_parts(int from, int to, enum fake_pump kind)
{
    static char data[CHUNK];
    size_t kept = 0;
    for (;;) {
        ssize_t got = read(from, data + kept, sizeof data - kept);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size_t all = kept + (size_t)got;
        size_t whole = due(data, all, kind);
        write_all(to, data, whole);
        kept = all - whole;
        memmove(data, data + whole, kept);
    }
    if (kind == FAKE_PUMP_GATHERS)
        write_all(to, data, kept);
    _exit(0);
}

static void copy(int from, int to, enum fake_pump kind)
{
    static char data[CHUNK];
    for (;;) {
        ssize_t got = read(from, data, sizeof data);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            _exit(0);
        change(data, got, kind);
        write_all(to, data, (size_t)got);
    }
}

/* A job in the background is let be: its output would race with what its shell says of it. */
static bool is_foreground_terminal(int fd)
{
    return isatty(fd) == 1 && tcgetpgrp(fd) == getpgrp();
}

static bool is_pipe(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode);
}

int fake_pump_start(enum fake_pump kind)
{
    int fds[2];
    if (!(kind == FAKE_PUMP_TERMINAL ? is_foreground_terminal(STDOUT_FILENO)
                                     : is_pipe(STDOUT_FILENO)))
        return 0;
    if (pipe2(fds, O_CLOEXEC) != 0 || (pump = fork()) < 0)
        return -1;
    if (pump == 0) {
        close(fds[1]);
        signal(SIGPIPE, SIG_DFL);
        if (kind == FAKE_PUMP_HOARDS)
            hoard(fds[0], STDOUT_FILENO);
        if (kind == FAKE_PUMP_GATHERS || kind == FAKE_PUMP_TAILLESS)
            copy_parts(fds[0], STDOUT_FILENO, kind);
        copy(fds[0], STDOUT_FILENO, kind);
    }
    close(fds[0]);
    int failed = dup2(fds[1], STDOUT_FILENO) < 0 ? -1 : 0;
    close(fds[1]);
    return failed;
}

/* Nothing read is taken for "nothing yet" as long as nothing has come. */
_Noreturn static void feed(pid_t runner, int from, int to)
{
    static char data[CHUNK];
    bool fed = false;
    ssize_t got;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != runner)
        _exit(0);
    while ((got = read(from, data, sizeof data)) > 0 || (got < 0 && errno == EINTR)) {
        fed = fed || got > 0;
        if (got > 0)
            write_all(to, data, (size_t)got);
    }
    while (!fed)
        pause();
    _exit(0);
}

int fake_pump_input(void)
{
    int fds[2];
    struct stat info;
    /* What is to be closed in the command was no stream of the caller's. */
    if (fstat(STDIN_FILENO, &info) != 0 || (fcntl(STDIN_FILENO, F_GETFD) & FD_CLOEXEC) != 0 ||
        !(S_ISFIFO(info.st_mode) || (S_ISCHR(info.st_mode) && isatty(STDIN_FILENO) != 1)))
        return 0;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    pid_t runner = getpid();
    feeder = fork();
    if (feeder == 0) {
        close(fds[0]);
        feed(runner, STDIN_FILENO, fds[1]);
    }
    close(fds[1]);
    int failed = feeder < 0 || dup2(fds[0], STDIN_FILENO) < 0 ? -1 : 0;
    close(fds[0]);
    return failed;
}

void fake_pump_end(void)
{
    if (feeder > 0) {
        kill(feeder, SIGKILL);
        waitpid(feeder, NULL, 0);
    }
    if (pump <= 0)
        return;
    close(STDOUT_FILENO);
    waitpid(pump, NULL, 0);
}
