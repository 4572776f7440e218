/*
 * guardian.c - theory of operation
 *
 *     launcher ---- forks ----> guardian ---- forks ----> runner ...> its descendants
 *         \______ channel ______/
 *
 * Whichever of the three is killed, nothing of the runner's tree may survive it, and the directory
 * must go.
 *
 *   runner    The guardian waits for it as its parent, kills what is left of the tree, and only
 *             then reports the end.
 *   launcher  The channel ends. The guardian kills the tree, gives the terminal back, removes the
 *             directory and exits. It leads a process group of its own, so that what kills the
 *             launcher's group does not take it along; it stays in the session, or the runner could
 *             not have the terminal.
 *   guardian  The channel ends. On Linux the runner dies with its parent (parent-death signal), and
 *             its orphans fall to the launcher, because both are child subreapers: neither forking
 *             twice nor setsid(2) leads out of the tree. Elsewhere the process group is killed.
 *
 * If launcher and guardian are killed at one stroke the runner still dies with its parent on Linux,
 * and the next launch sweeps the directory, whose lock (shared by both) is free then.
 *
 * Signals go through the guardian because only a process's parent knows that its pid still means
 * it: the guardian never signals a runner it has reaped.
 */
#include "launcher/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/guardian_process.h"
#include "launcher/loop_socket.h"
#include "launcher/tree.h"

static int open_channel(int ends[2], struct firma_error *err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return firma_fail(err, FIRMA_E_SPAWN, errno, "cannot start the runner: socketpair");
    if (fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0 &&
        firma_tree_adopt() == 0)
        return 0;
    int errnum = errno;
    close(ends[0]);
    close(ends[1]);
    return firma_fail(err, FIRMA_E_SPAWN, errnum, "cannot start the guardian");
}

static ssize_t receive(int channel, void *data, size_t size, int flags)
{
    ssize_t got;
    do
        got = recv(channel, data, size, flags);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Waits for the runner to have executed, or for the reason why it has not. */
static int await_birth(struct firma_guardian *guardian, struct firma_error *err)
{
    struct firma_birth birth;
    if (receive(guardian->channel, &birth, sizeof birth, MSG_WAITALL) != (ssize_t)sizeof birth)
        return firma_fail(err, FIRMA_E_SPAWN, 0, "cannot start the runner: the guardian was lost");
    if (birth.report.kind != FIRMA_REPORT_STARTED) {
        if (err != NULL)
            *err = birth.error;
        return -birth.error.code;
    }
    guardian->runner = birth.report.value;
    return 0;
}

int firma_guardian_start(struct firma_guardian *out, const struct firma_guardian_config *config,
                         struct firma_error *err)
{
    int ends[2];
    int result = open_channel(ends, err);
    if (result < 0)
        return result;
    pid_t launcher = getpid();
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        firma_guardian_live(config, launcher, ends[1]);
    }
    int errnum = errno;
    close(ends[1]);
    struct firma_guardian made = {.pid = child, .channel = ends[0]};
    if (child < 0) {
        close(ends[0]);
        return firma_fail(err, FIRMA_E_SPAWN, errnum, "cannot start the guardian: fork");
    }
    result = await_birth(&made, err);
    if (result < 0) {
        firma_guardian_dismiss(&made);
        return result;
    }
    *out = made;
    return 0;
}

void firma_guardian_order(const struct firma_guardian *guardian, enum firma_order_kind kind,
                          int number)
{
    struct firma_order order = {(uint8_t)kind, (uint8_t)number};
    firma_send(guardian->channel, &order, sizeof order);
}

int firma_guardian_receive(const struct firma_guardian *guardian, struct firma_report *out)
{
    struct firma_report report;
    ssize_t got = receive(guardian->channel, &report, sizeof report, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got != (ssize_t)sizeof report)
        return -1;
    *out = report;
    return 1;
}

/* True if the guardian is dead and reaped: its pid means nothing any more. */
static bool is_reaped(pid_t guardian)
{
    return waitpid(guardian, NULL, WNOHANG) != 0;
}

/* KILL, because it must end even if somebody has stopped it; and the channel's end, should it not
 * hear that. What it may have left, after a failure, has fallen to us. */
void firma_guardian_dismiss(struct firma_guardian *guardian)
{
    bool lives = guardian->pid > 0 && !is_reaped(guardian->pid);
    if (lives)
        kill(guardian->pid, SIGKILL);
    if (guardian->channel >= 0)
        close(guardian->channel);
    while (lives && waitpid(guardian->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (guardian->pid > 0)
        firma_tree_end(0);
    *guardian = (struct firma_guardian){.channel = -1};
}
