/* verb_stdio.c - bytes in and out: streams, cat, bytes, winsize. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

#include "verbs.h"

/* Byte I of a stream: long period, different on the two streams. */
static unsigned char pattern(long i, int fd)
{
    return (unsigned char)((i * 131 + (i >> 8) * 17 + fd * 101) & 255);
}

/* Writes up to COUNT pattern bytes from OFFSET; the new offset, or -1. */
static long write_run(int fd, long offset, long total, long count)
{
    unsigned char run[4096];
    long length = total - offset < count ? total - offset : count;
    for (long i = 0; i < length; i++)
        run[i] = pattern(offset + i, fd);
    return probe_write(fd, run, (size_t)length) ? offset + length : -1;
}

int probe_verb_streams(int argc, char **argv, char **envp)
{
    (void)envp;
    long total[2], done[2] = {0, 0};
    if (argc != 3 || !probe_number(argv[1], 0, 1L << 40, &total[0]) ||
        !probe_number(argv[2], 0, 1L << 40, &total[1]))
        return -1;
    /* Runs of unequal lengths, so that no buffer size hides a mix-up. */
    for (long turn = 0; done[0] < total[0] || done[1] < total[1]; turn++) {
        done[0] = write_run(STDOUT_FILENO, done[0], total[0], 1 + turn * 977 % 4096);
        done[1] = write_run(STDERR_FILENO, done[1], total[1], 1 + turn * 613 % 4096);
        if (done[0] < 0 || done[1] < 0)
            return 74;
    }
    return 0;
}

static void say_on(int number)
{
    (void)number;
    (void)probe_write(STDOUT_FILENO, "on\n", 3);
}

/* `cat on` says when it begins and when it was continued: from then on a terminal is the command's,
 * and typed bytes are echoed once by whoever echoes for it. */
int probe_verb_cat(int argc, char **argv, char **envp)
{
    (void)envp;
    static char buffer[65536];
    struct sigaction action = {.sa_handler = say_on, .sa_flags = SA_RESTART};
    if (argc > 2 || (argc == 2 && strcmp(argv[1], "on") != 0))
        return -1;
    if (argc == 2 && sigaction(SIGCONT, &action, NULL) != 0)
        return 71;
    if (argc == 2)
        say_on(0);
    for (;;) {
        ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 ? 0 : 74;
        if (!probe_write(STDOUT_FILENO, buffer, (size_t)got))
            return 74;
    }
}

int probe_verb_bytes(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    unsigned char all[256 * 16];
    if (argc != 1)
        return -1;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (unsigned char)i;
    return probe_write(STDOUT_FILENO, all, sizeof all) ? 0 : 74;
}

/* A signal handler has no other way to reach the loop. */
static volatile sig_atomic_t resized;

static void on_winch(int number)
{
    (void)number;
    resized = 1;
}

static bool print_size(void)
{
    struct winsize size = {0};
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return false;
    printf("%u %u\n", size.ws_row, size.ws_col);
    return fflush(stdout) == 0;
}

int probe_verb_winsize(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    struct sigaction action = {.sa_handler = on_winch};
    sigset_t winch, before;
    char sink[256];
    if (argc != 1)
        return -1;
    sigemptyset(&winch);
    sigaddset(&winch, SIGWINCH);
    sigprocmask(SIG_BLOCK, &winch, &before);
    sigdelset(&before, SIGWINCH);
    sigaction(SIGWINCH, &action, NULL);
    if (!print_size())
        return 1;
    for (;;) {
        fd_set ready;
        FD_ZERO(&ready);
        FD_SET(STDIN_FILENO, &ready);
        int count = pselect(1, &ready, NULL, NULL, NULL, &before);
        if (resized) {
            resized = 0;
            print_size();
        }
        if (count > 0 && read(STDIN_FILENO, sink, sizeof sink) <= 0)
            return 0;
    }
}
