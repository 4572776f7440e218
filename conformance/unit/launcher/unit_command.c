/*
 * What runs "in the guest" in these tests: unit_command VERB [ARG]
 *
 *   exit N      exits N
 *   die N       dies of signal N with its default disposition
 *   signals     says "ready", then the number of every signal as it arrives, until stdin ends
 *   deaf        says "ready" and ignores TERM and INT, until stdin ends
 *   detach      leaves a process of its own session, forked twice, that holds stdout; says "ready"
 *               and waits for the end of stdin
 *   detach-exit the same, but exits 0 at once
 *   mask        prints the blocked and the ignored signals' numbers
 *   closed      says "ready", closes stdout, waits for the end of stdin, exits 7
 *   files       prints the soft and the hard limit of open files, says "ready", waits for the end
 *               of stdin
 *   raw         switches off echo on the terminal and dies of KILL
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const int handled[] = {SIGINT,  SIGTERM,  SIGHUP,  SIGQUIT, SIGUSR1,
                              SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP};

static void say(const char *text)
{
    if (write(1, text, strlen(text)) < 0)
        _exit(99);
}

static void await_end_of_input(void)
{
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
}

static void report(int number)
{
    char line[16];
    snprintf(line, sizeof line, "%d\n", number);
    say(line);
}

/* Signals are blocked but while select(2) waits: each is told once, in order of arrival. */
static int signals(void)
{
    sigset_t all, none;
    struct sigaction action = {.sa_handler = report};
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
        sigaction(handled[i], &action, NULL);
    say("ready\n");
    for (;;) {
        fd_set input;
        FD_ZERO(&input);
        FD_SET(0, &input);
        char byte;
        if (pselect(1, &input, NULL, NULL, NULL, &none) > 0 && read(0, &byte, 1) <= 0)
            return 0;
    }
}

static int deaf(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    say("ready\n");
    await_end_of_input();
    return 0;
}

/* The detached one tells its pid first, so it is known to be there. */
static void leave_detached(void)
{
    int told[2];
    char byte;
    if (pipe(told) < 0)
        _exit(99);
    if (fork() == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        if (write(told[1], "x", 1) != 1)
            _exit(99);
        for (;;)
            pause();
    }
    if (read(told[0], &byte, 1) != 1)
        _exit(99);
    wait(NULL);
    close(told[0]);
    close(told[1]);
}

static int detach(int stay)
{
    leave_detached();
    say("ready\n");
    if (stay)
        await_end_of_input();
    return 0;
}

static int mask(void)
{
    sigset_t blocked;
    struct sigaction action;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int number = 1; number < 32; number++) {
        if (sigismember(&blocked, number) == 1)
            printf("blocked %d\n", number);
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            printf("ignored %d\n", number);
    }
    return fflush(stdout);
}

static int closed(void)
{
    say("ready\n");
    close(1);
    close(2);
    await_end_of_input();
    return 7;
}

static int files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 99;
    printf("%llu %llu\nready\n", (unsigned long long)limit.rlim_cur,
           (unsigned long long)limit.rlim_max);
    fflush(stdout);
    await_end_of_input();
    return 0;
}

static int raw(void)
{
    struct termios mode;
    if (tcgetattr(0, &mode) < 0)
        return 99;
    mode.c_lflag &= (tcflag_t) ~(ECHO | ICANON | ISIG);
    if (tcsetattr(0, TCSANOW, &mode) < 0)
        return 99;
    return kill(getpid(), SIGKILL);
}

static int die(int number)
{
    sigset_t none;
    sigemptyset(&none);
    signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    kill(getpid(), number);
    return 99;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(verb, "exit") == 0)
        return number;
    if (strcmp(verb, "die") == 0)
        return die(number);
    if (strcmp(verb, "signals") == 0)
        return signals();
    if (strcmp(verb, "deaf") == 0)
        return deaf();
    if (strcmp(verb, "detach") == 0)
        return detach(1);
    if (strcmp(verb, "detach-exit") == 0)
        return detach(0);
    if (strcmp(verb, "mask") == 0)
        return mask();
    if (strcmp(verb, "closed") == 0)
        return closed();
    if (strcmp(verb, "files") == 0)
        return files();
    if (strcmp(verb, "raw") == 0)
        return raw();
    return 99;
}
