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

static int give_up_rights(const struct firma_guest_start *start, struct firma_error *err)
{
    int result = firma_guest_become(&start->identity, err);
    if (result == 0 && start->confinement != NULL)
        result = firma_guest_filter_load(start->confinement, err);
    return result;
}

/* All that can be done while pid 1 builds the rest. The kernel makes no user namespace for a
 * process whose root is not its mount namespace's (user_namespaces(7), EPERM), as while roots are
 * exchanged. */
static int prepare(const struct firma_guest_start *start, struct firma_guest_words *words,
                   struct firma_error *err)
{
    int result = start->build != NULL ? start->build(start->context, err) : 0;
    umask(022);
    if (result == 0 && start->own_group)
        result = lead_group(start, err);
    if (result == 0)
        result = firma_guest_words_make(start->contract, words, err);
    return result < 0 || start->identity.nested ? result : give_up_rights(start, err);
}

/* The order matters: the directory is entered with the command's rights, the mask is restored while
 * the filters still allow it, and the contract's own filter, which may forbid a lot, comes last. */
static int enter(const struct firma_guest_start *start, struct firma_error *err)
{
    int result = start->identity.nested ? give_up_rights(start, err) : 0;
    if (result < 0)
        return result;
    if (chdir(start->contract->cwd) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "command.cwd: %.400s", start->contract->cwd);
    if (start->ignore_sigchld)
        signal(SIGCHLD, SIG_IGN);
    if (sigprocmask(SIG_SETMASK, &start->mask, NULL) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "signal mask");
    return start->filter != NULL ? firma_guest_filter_load(start->filter, err) : 0;
}

/* False when pid 1 has ended before it could watch, which is not ours to explain. */
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
    struct firma_guest_words words = {0};
    close(gate[1]);
    int result = prepare(start, &words, &err);
    if (result == 0 && !await_gate(gate[0]))
        _exit(status);
    if (result == 0)
        result = enter(start, &err);
    if (result == 0)
        status = firma_guest_exec(start->contract, &words, &err);
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
