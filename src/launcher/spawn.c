/*
 * spawn.c - theory of operation
 *
 * Signals. The launcher blocked the signals it handles before it looked at anything, and they stay
 * blocked in the forked child until the very last step. So a signal that comes between fork(2) and
 * execve(2) is neither lost nor taken by a handler that is not the runner's: one sent to the
 * launcher waits in its queue until the event loop runs and is then forwarded; one sent to the
 * child waits until the mask is restored, and then has the effect the runner's dispositions give.
 *
 * Groups. The child itself enters its process group and takes the terminal before it executes, so
 * there is no moment at which the runner could run in the wrong one. (tcsetpgrp(3) from the
 * background is allowed because TTOU is still blocked.)
 *
 * Errors. The child reports through a close-on-exec pipe:
 *
 *     parent                         child
 *     pipe                           .
 *     start -------------------------> group, terminal, descriptors, mask, execve
 *     close(write end)               | success: the kernel closes the pipe
 *     read(pipe) <-------------------+ failure: {step, errno}, _exit
 *       nothing: it executed
 *       a record: that step failed; reap the child
 *
 * The file. Descriptors 0-2 travel, everything else is marked close-on-exec. On Linux the runner is
 * executed from the descriptor that was validated, so what was judged is what runs, whatever
 * happens to its name. A "#!" file cannot be run so, as its interpreter is given a path to open:
 * it is compared with what was validated and run by path right after, like every runner elsewhere.
 */
#include "launcher/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "launcher/fds.h"
#include "launcher/tree.h"

enum step { BIND, GROUP, TERMINAL, INHERIT, EXECUTE };

static const char *const step_names[] = {
    [BIND] = "its parent is gone",           [GROUP] = "cannot enter its process group",
    [TERMINAL] = "cannot take the terminal", [INHERIT] = "cannot be given descriptors and signals",
    [EXECUTE] = "cannot be executed",
};

struct failure {
    enum step step;
    int errnum;
};

static int join_group(const struct firma_terminal *terminal, struct failure *failure)
{
    pid_t group = terminal->group == FIRMA_GROUP_SHARED ? terminal->launcher_group : 0;
    if (setpgid(0, group) < 0) {
        *failure = (struct failure){GROUP, errno};
        return -1;
    }
    if (terminal->group == FIRMA_GROUP_FOREGROUND && tcsetpgrp(terminal->fd, getpgrp()) < 0) {
        *failure = (struct failure){TERMINAL, errno};
        return -1;
    }
    return 0;
}

struct birth {
    const struct firma_spawn *spawn;
    pid_t parent;
    int report; /* the pipe's write end */
};

/* Returns only with the reason why the runner was not executed. */
static struct failure execute(const struct birth *birth)
{
    const struct firma_spawn *spawn = birth->spawn;
    struct failure failure = {BIND, 0};
    if (!firma_tree_bind_to(birth->parent) || join_group(spawn->terminal, &failure) < 0)
        return failure;
    if (firma_fds_cloexec_from(3) < 0 || firma_signals_inherit(spawn->original) < 0)
        return (struct failure){INHERIT, errno};
    int errnum = firma_execute(spawn->runner, spawn->argv, spawn->environment);
    return (struct failure){EXECUTE, errnum};
}

static int become_runner(void *context)
{
    const struct birth *birth = context;
    struct failure failure = execute(birth);
    ssize_t ignored = write(birth->report, &failure, sizeof failure);
    (void)ignored;
    return FIRMA_EXIT_OWN_FAILURE;
}

static int open_report_pipe(int ends[2], struct firma_error *err)
{
    if (pipe(ends) < 0)
        return firma_fail(err, FIRMA_E_SPAWN, errno, "cannot start the runner: pipe");
    if (fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0)
        return 0;
    int errnum = errno;
    close(ends[0]);
    close(ends[1]);
    return firma_fail(err, FIRMA_E_SPAWN, errnum, "cannot start the runner: pipe");
}

static int explain(const struct firma_spawn *spawn, const struct failure *failure,
                   struct firma_error *err)
{
    if (failure->step == EXECUTE && failure->errnum == ESTALE)
        return firma_fail(err, FIRMA_E_SPAWN, 0,
                          "runner %.512s: was changed after it had been validated; start again",
                          spawn->runner->path);
    return firma_fail(err, FIRMA_E_SPAWN, failure->errnum, "runner %.512s: %s", spawn->runner->path,
                      step_names[failure->step]);
}

pid_t firma_spawn_runner(const struct firma_spawn *spawn, struct firma_error *err)
{
    int ends[2];
    int result = open_report_pipe(ends, err);
    if (result < 0)
        return result;
    FIRMA_AUTOCLOSE int reader = ends[0];
    struct birth birth = {spawn, getpid(), ends[1]};
    pid_t child = firma_spawn_child(become_runner, &birth);
    int errnum = errno;
    close(ends[1]);
    if (child < 0)
        return firma_fail(err, FIRMA_E_SPAWN, errnum, "cannot start the runner: fork");
    struct failure failure = {EXECUTE, 0};
    ssize_t got;
    do
        got = read(reader, &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return child;
    if (got < 0)
        failure.errnum = errno;
    kill(child, SIGKILL); /* it may have executed, where nobody could hear whether it has */
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    firma_terminal_restore(spawn->terminal, child);
    return explain(spawn, &failure, err);
}

int firma_execute_by_path(const struct firma_artifact *runner, char *const *argv,
                          char *const *environment)
{
    if (!firma_artifact_unchanged(runner))
        return ESTALE;
    execve(runner->canonical, argv, environment);
    return errno;
}
