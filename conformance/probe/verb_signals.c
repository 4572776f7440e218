/* verb_signals.c - what arrives, and how often: signals, trap-term. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verbs.h"

static const struct {
    int number;
    const char *name;
} watched[] = {{SIGINT, "INT"},     {SIGTERM, "TERM"}, {SIGHUP, "HUP"},
               {SIGQUIT, "QUIT"},   {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"},
               {SIGWINCH, "WINCH"}, {SIGCONT, "CONT"}, {SIGTSTP, "TSTP"}};
enum { WATCHED = sizeof watched / sizeof *watched };

/* A signal handler has no other way to tell the loop; the pipe keeps the order of arrival. */
static int arrivals[2];

static void note(int number)
{
    unsigned char byte = (unsigned char)number;
    int saved = errno;
    if (write(arrivals[1], &byte, 1) < 0)
        _exit(74);
    errno = saved;
}

static void unblock_all(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Says "NAME COUNT" for one arrival. */
static void tell(int number, int counts[WATCHED])
{
    struct probe_text text = {0};
    for (int i = 0; i < WATCHED; i++) {
        if (watched[i].number == number)
            probe_put(&text, "%s %d\n", watched[i].name, ++counts[i]);
    }
    probe_write(STDOUT_FILENO, text.data, text.used);
}

static void report(const int counts[WATCHED])
{
    struct probe_text text = {0};
    for (int i = 0; i < WATCHED; i++)
        probe_put(&text, "%s\"%s\":%d", i == 0 ? "{" : ",", watched[i].name, counts[i]);
    probe_put(&text, "}\n");
    probe_write(STDOUT_FILENO, text.data, text.used);
}

/* Whether stdin has ended; the line `report` on it is obeyed. */
static bool ended(const int counts[WATCHED])
{
    char bytes[256];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got >= 7 && memcmp(bytes + got - 7, "report\n", 7) == 0)
        report(counts);
    return got == 0 || (got < 0 && errno != EINTR);
}

/* Tells every signal that arrives, until stdin ends. */
int probe_verb_signals(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    struct sigaction action = {.sa_handler = note};
    int counts[WATCHED] = {0};
    if (argc != 1 || pipe(arrivals) != 0)
        return -1;
    for (int i = 0; i < WATCHED; i++)
        sigaction(watched[i].number, &action, NULL);
    unblock_all();
    probe_write(STDOUT_FILENO, "ready\n", 6);
    struct pollfd sources[2] = {{.fd = arrivals[0], .events = POLLIN},
                                {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        unsigned char number;
        if (poll(sources, 2, -1) < 0)
            continue;
        if (sources[0].revents != 0 && read(arrivals[0], &number, 1) == 1)
            tell(number, counts);
        else if (sources[1].revents != 0 && ended(counts))
            return 0;
    }
}

static void caught(int number)
{
    (void)number;
    probe_write(STDOUT_FILENO, "caught\n", 7);
    _exit(7);
}

int probe_verb_trap_term(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    struct sigaction action = {.sa_handler = caught};
    if (argc != 1)
        return -1;
    sigaction(SIGTERM, &action, NULL);
    unblock_all();
    probe_write(STDOUT_FILENO, "ready\n", 6);
    for (;;)
        pause();
}
