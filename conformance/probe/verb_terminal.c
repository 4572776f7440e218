/* verb_terminal.c - what a terminal can be done to: raw, type, watch-mode. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "verbs.h"

/* Leaves the terminal raw. */
int probe_verb_raw(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    struct termios mode;
    char byte;
    if (argc != 1 || tcgetattr(STDIN_FILENO, &mode) != 0)
        return 1;
    mode.c_iflag &= ~(tcflag_t)(ICRNL | IXON | BRKINT);
    mode.c_oflag &= ~(tcflag_t)OPOST;
    mode.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &mode) != 0)
        return 1;
    probe_write(STDOUT_FILENO, "raw\r\n", 5);
    return read(STDIN_FILENO, &byte, 1) == 1 ? 0 : 1;
}

/* Types TEXT and a line's end into the controlling terminal, for whoever reads there next. */
int probe_verb_type(int argc, char **argv, char **envp)
{
    (void)envp;
    const char *said = "typed";
    if (argc != 2)
        return -1;
#if defined(TIOCSTI)
    bool done = true;
    for (const char *at = argv[1]; *at != '\0' && done; at++)
        done = ioctl(STDIN_FILENO, TIOCSTI, at) == 0;
    if (!done || ioctl(STDIN_FILENO, TIOCSTI, "\n") != 0)
        said = probe_errno_name(errno);
#else
    said = "unsupported";
#endif
    printf("done: %s\n", said);
    return fflush(stdout) == 0 ? 0 : 74;
}

static bool tell_mode(const char *when)
{
    struct termios mode;
    struct probe_text text = {0};
    if (tcgetattr(STDIN_FILENO, &mode) != 0)
        return false;
    probe_put(&text, "%s %lx.%lx.%lx.%lx.\n", when, (unsigned long)mode.c_iflag,
              (unsigned long)mode.c_oflag, (unsigned long)mode.c_cflag,
              (unsigned long)mode.c_lflag);
    return probe_write(STDOUT_FILENO, text.data, text.used);
}

/* In a group of its own, in the foreground, as a shell starts a job. */
static pid_t start_job(char **argv, char **envp, const sigset_t *mask)
{
    pid_t job = fork();
    if (job != 0)
        return job;
    setpgid(0, 0);
    tcsetpgrp(STDIN_FILENO, getpgrp()); /* TTOU is blocked */
    sigprocmask(SIG_SETMASK, mask, NULL);
    execve(argv[0], argv, envp);
    _exit(126);
}

/* Tells the terminal's mode before PROGRAM and, when USR1 comes, after it. Unlike a shell it takes
 * nothing back in between. */
int probe_verb_watch_mode(int argc, char **argv, char **envp)
{
    sigset_t block, before, told;
    int status = 0, number = 0;
    sigemptyset(&told);
    sigaddset(&told, SIGUSR1);
    block = told;
    sigaddset(&block, SIGTTOU);
    if (argc < 2 || sigprocmask(SIG_BLOCK, &block, &before) != 0 || !tell_mode("before"))
        return -1;
    pid_t job = start_job(argv + 1, envp, &before);
    if (job < 0 || waitpid(job, &status, 0) != job || !probe_write(STDOUT_FILENO, "ended\n", 6))
        return 71;
    return sigwait(&told, &number) == 0 && tell_mode("after") ? 0 : 71;
}
