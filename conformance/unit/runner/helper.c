/*
 * runner_helper - does in the guest what no shell can, one verb a run, and prints what happened. It
 * judges nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static void say(const char *what, int error)
{
    printf("%s %s\n", what, error == 0 ? "ok" : strerrorname_np(error));
}

/* Each argument with its length, so that none can hide in another. */
static int print_arguments(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        printf("%zu:%s;", strlen(argv[i]), argv[i]);
    return 0;
}

static int print_descriptors(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d ", fd);
    printf("\n");
    return 0;
}

static const struct {
    int number;
    const char *name;
} signals[] = {
    {SIGINT, "INT\n"},   {SIGHUP, "HUP\n"},   {SIGQUIT, "QUIT\n"},
    {SIGUSR1, "USR1\n"}, {SIGUSR2, "USR2\n"}, {SIGWINCH, "WINCH\n"},
    {SIGCONT, "CONT\n"}, {SIGTERM, "TERM\n"}, {SIGTSTP, "TSTP\n"},
};

enum { SIGNAL_COUNT = sizeof signals / sizeof signals[0] };

static void note_signal(int number)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (signals[i].number == number)
            (void)!write(STDOUT_FILENO, signals[i].name, strlen(signals[i].name));
    if (number == SIGTERM)
        _exit(5);
}

/* Names each signal as it comes, and ends with 5 on TERM. `stoppable` leaves TSTP alone. */
_Noreturn static int count_signals(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = note_signal};
    bool stoppable = argc > 0 && strcmp(argv[0], "stoppable") == 0;
    sigset_t none;
    sigemptyset(&none);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (!(stoppable && signals[i].number == SIGTSTP))
            sigaction(signals[i].number, &action, NULL);
    (void)!write(STDOUT_FILENO, "ready\n", 6);
    for (;;)
        sigsuspend(&none);
}

static int dial(int type, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    const struct timeval patience = {.tv_sec = 5};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    say("connect", errno);
    return -1;
}

static void print_rest(int fd)
{
    char bytes[4096];
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0)
        fwrite(bytes, 1, (size_t)got, stdout);
    if (got < 0)
        say("recv", errno);
}

/* fetch PORT: a request through a proxy. */
static int fetch(int argc, char **argv)
{
    static const char request[] = "GET http://x.invalid/ HTTP/1.1\r\nHost: x.invalid\r\n\r\n";
    int fd = argc == 1 ? dial(SOCK_STREAM, argv[0]) : -1;
    if (fd < 0)
        return 1;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        say("send", errno); /* a reset that came first is reported here, and only here */
    else
        print_rest(fd);
    return 0;
}

/* ask PORT tcp|udp: a query of 12 bytes. */
static int ask(int argc, char **argv)
{
    bool tcp = argc == 2 && strcmp(argv[1], "tcp") == 0;
    int fd = argc == 2 ? dial(tcp ? SOCK_STREAM : SOCK_DGRAM, argv[0]) : -1;
    char bytes[64];
    if (fd < 0)
        return 1;
    send(fd, "query-query-", 12, MSG_NOSIGNAL);
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got < 0)
        say("recv", errno);
    else
        printf("%.*s\n", (int)got, bytes);
    return 0;
}

static unsigned char pattern(size_t at)
{
    return (unsigned char)((at * 2654435761u) >> 13);
}

_Noreturn static void send_pattern(int fd, size_t size)
{
    unsigned char bytes[65536];
    for (size_t done = 0; done < size;) {
        size_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        for (size_t i = 0; i < part; i++)
            bytes[i] = pattern(done + i);
        ssize_t sent = send(fd, bytes, part, MSG_NOSIGNAL);
        if (sent <= 0)
            _exit(1);
        done += (size_t)sent;
    }
    shutdown(fd, SHUT_WR);
    _exit(0);
}

/* echo PORT SIZE: sends SIZE bytes, half-closes, and compares what comes back until the end. */
static int echo(int argc, char **argv)
{
    static const char request[] = "GET http://x.invalid/echo HTTP/1.1\r\nHost: x.invalid\r\n\r\n";
    unsigned char bytes[65536];
    size_t total = 0;
    size_t wrong = 0;
    ssize_t got;
    int fd = argc == 2 ? dial(SOCK_STREAM, argv[0]) : -1;
    if (fd < 0)
        return 1;
    send(fd, request, sizeof request - 1, MSG_NOSIGNAL);
    if (fork() == 0)
        send_pattern(fd, strtoul(argv[1], NULL, 10));
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0)
        for (ssize_t i = 0; i < got; i++)
            wrong += bytes[i] != pattern(total++);
    printf("echoed %zu wrong %zu end %d\n", total, wrong, got < 0);
    return 0;
}

/* flood PORT COUNT: COUNT connections that say nothing, then all of them closed. */
static int flood(int argc, char **argv)
{
    size_t opened = 0;
    for (unsigned long i = argc == 2 ? strtoul(argv[1], NULL, 10) : 0; i > 0; i--)
        opened += dial(SOCK_STREAM, argv[0]) >= 0;
    printf("opened %zu\n", opened);
    return 0;
}

static long call(long number, long first, long second, long third)
{
    errno = 0;
    return syscall(number, first, second, third);
}

/* What the runner's own filter denies; the high halves of arguments hold rubbish on purpose. */
static int forbidden(int argc, char **argv)
{
    const long rubbish = (long)(0xdeadbeefull << 32);
    char key = 'x';
    (void)argc;
    (void)argv;
    call(SYS_socket, rubbish | 40, SOCK_STREAM, 0);
    say("vsock", errno);
    call(SYS_socketpair, 40, SOCK_STREAM, 0);
    say("vsock pair", errno);
    call(SYS_io_uring_setup, 1, 0, 0);
    say("io_uring", errno);
    call(SYS_ioctl, 0, rubbish | TIOCSTI, (long)(uintptr_t)&key);
    say("tiocsti", errno);
#if defined(__x86_64__)
    call(0x40000000 + SYS_getpid, 0, 0, 0);
    say("x32", errno);
#endif
    call(SYS_socket, AF_INET, SOCK_STREAM, 0);
    say("inet", errno);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"arguments", print_arguments},
    {"descriptors", print_descriptors},
    {"signals", count_signals},
    {"fetch", fetch},
    {"ask", ask},
    {"echo", echo},
    {"flood", flood},
    {"forbidden", forbidden},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, argv[1]) == 0)
            return verbs[i].run(argc - 2, argv + 2);
    fprintf(stderr, "runner_helper: unknown verb\n");
    return 2;
}
