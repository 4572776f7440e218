/* verb_end.c - ways to end: exit, die, spin, daemon. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verbs.h"

int probe_verb_exit(int argc, char **argv, char **envp)
{
    (void)envp;
    long status = 0;
    return argc == 2 && probe_number(argv[1], 0, 255, &status) ? (int)status : -1;
}

int probe_verb_die(int argc, char **argv, char **envp)
{
    (void)envp;
    long number = 0;
    if (argc != 2 || !probe_number(argv[1], 1, 64, &number))
        return -1;
    struct rlimit no_core = {0, 0};
    sigset_t all;
    setrlimit(RLIMIT_CORE, &no_core);
    signal((int)number, SIG_DFL);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    kill(getpid(), (int)number);
    return 1; /* the signal does not kill, or we are an init it cannot reach */
}

int probe_verb_spin(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    if (argc != 1)
        return -1;
    probe_write(STDOUT_FILENO, "ready\n", 6);
    for (;;)
        pause();
}

/* The grandchild: a session of its own, no stdio, for ever. */
static void be_daemon(int report)
{
    pid_t self = getpid();
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    probe_write(report, &self, sizeof self);
    close(report);
    for (;;)
        pause();
}

int probe_verb_daemon(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    int fds[2];
    pid_t child, daemon = 0;
    if (argc != 1)
        return -1;
    if (pipe(fds) != 0 || (child = fork()) < 0)
        return 71;
    if (child == 0) {
        setsid();
        if (fork() == 0)
            be_daemon(fds[1]);
        _exit(0);
    }
    close(fds[1]);
    waitpid(child, NULL, 0);
    if (read(fds[0], &daemon, sizeof daemon) != (ssize_t)sizeof daemon)
        return 71;
    printf("%ld\n", (long)daemon);
    return fflush(stdout) == 0 ? 0 : 74;
}
