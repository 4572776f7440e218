#include "runner/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where nobody outside a group is in its session, the group is orphaned and SIGTSTP stops nothing
 * in it (POSIX, 2.4.3): a command that shares its pid 1's group could never be stopped from a key.
 * All signals are blocked here, so the terminal's objection (SIGTTOU) is none. */
static int lead_group(const struct firma_guest_start *start, struct firma_error *err)
{
    if (setpgid(0, 0) < 0 ||
        (start->foreground_of >= 0 && tcsetpgrp(start->foreground_of, getpgrp()) < 0))
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "process group");
    return 0;
}

/* The order matters: the directory is entered with the command's rights, the mask is restored while
 * the filters still allow it, and the contract's own filter is the last to be loaded. */
static int prepare(const struct firma_guest_start *start, struct firma_error *err)
{
    umask(022);
    int result = start->own_group ? lead_group(start, err) : 0;
    if (result == 0)
        result = firma_guest_become(&start->identity, err);
    if (result < 0)
        return result;
    if (chdir(start->contract->cwd) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "command.cwd: %.400s", start->contract->cwd);
    if (start->ignore_sigchld)
        signal(SIGCHLD, SIG_IGN);
    if (sigprocmask(SIG_SETMASK, &start->mask, NULL) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "signal mask");
    for (size_t i = 0; i < start->filter_count && result == 0; i++)
        result = firma_guest_filter_load(&start->filters[i], err);
    return result;
}

/* False when pid 1 has failed before it could watch. */
static bool await_gate(int gate)
{
    char word;
    ssize_t got;
    do
        got = read(gate, &word, 1);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        dprintf(STDERR_FILENO, "firma-guest: system: await pid 1: %s\n", strerror(errno));
    return got == 1;
}

_Noreturn static void run(const struct firma_guest_start *start, const int *gate)
{
    struct firma_error err = {0};
    int status = FIRMA_EXIT_RUNNER;
    close(gate[1]);
    if (!await_gate(gate[0]))
        _exit(status);
    if (prepare(start, &err) == 0)
        status = firma_guest_exec(start->contract, &err);
    dprintf(STDERR_FILENO, "firma-guest: %s: %s\n", firma_error_name(err.code), err.text);
    _exit(status);
}

pid_t firma_guest_spawn(const struct firma_guest_start *start, int *gate, struct firma_error *err)
{
    int ends[2];
    /* Before the command exists: it must never find its pid 1 open to ptrace(2). */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "PR_SET_DUMPABLE");
    if (pipe2(ends, O_CLOEXEC) < 0)
        return firma_fail(err, FIRMA_E_SPAWN, errno, "the command's gate");
    pid_t pid = fork();
    int errnum = errno;
    if (pid == 0)
        run(start, ends);
    close(ends[0]);
    *gate = ends[1];
    if (pid > 0)
        return pid;
    close(ends[1]);
    return firma_fail(err, FIRMA_E_SPAWN, errnum, "fork the command");
}
