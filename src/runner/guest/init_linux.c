/*
 * The guest's pid 1. Theory of operation:
 *
 *   runner ══control══ pid 1 ──fork──> command ──> whatever it starts (orphans come to pid 1)
 *
 * Every signal is blocked here from before the fork on, so none can be lost: SIGCHLD arrives on a
 * descriptor, the others are never read. Pid 1 shares the command's process group, which means that
 * a typed Ctrl-C reaches the command from the terminal directly; if pid 1 passed on what it was
 * sent itself, the command would see it twice. It passes on only what the runner tells it to, and
 * the runner leaves out what the kernel sent to the whole group.
 *
 * In a guest with a terminal of its own pid 1 leads the session and the command a group: the
 * command has the foreground while the runner has that of the caller's terminal, so that a command
 * which reads in the background is stopped in the guest as it would be outside.
 *
 * SIGCONT is the exception: a shell's `fg` sends it to the whole group with kill(2). A continue
 * that came to the command on its own cancels the next request for one.
 *
 * The command cannot forge its result: the result is a wait status, and it leaves through a channel
 * that the command does not hold and, since pid 1 is not dumpable (firma_guest_spawn), cannot take
 * out of it.
 *
 * When pid 1 exits the kernel kills and reaps all that is left in the pid namespace before pid 1
 * can be waited for: no detached or double-forked process outlives the command (pid_namespaces(7)).
 */
#include "runner/guest/guest.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/guest/control_linux.h"

struct init {
    int control;
    int signals;
    struct firma_guest_terminal *terminal;
    pid_t command;
    bool stopped;
    bool resumed_by_others; /* it continued, and not through us */
};

static void note_command(struct init *init, int status)
{
    if (WIFSTOPPED(status)) {
        init->stopped = true;
        init->resumed_by_others = false;
        firma_guest_terminal_settle(init->terminal);
        firma_control_say(init->control, FIRMA_GUEST_STOPPED, WSTOPSIG(status));
    } else if (WIFCONTINUED(status)) {
        init->resumed_by_others = init->stopped;
        init->stopped = false;
        firma_control_say(init->control, FIRMA_GUEST_CONTINUED, 0);
    } else {
        bool told = firma_control_say(init->control, FIRMA_GUEST_ENDED, status) == 0;
        _exit(told ? 0 : FIRMA_EXIT_RUNNER);
    }
}

static void reap(struct init *init)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0 ||
           (pid < 0 && errno == EINTR))
        if (pid == init->command)
            note_command(init, status);
    if (pid < 0)
        _exit(FIRMA_EXIT_RUNNER); /* no child, and the command is one until its end was noted */
}

static void pass_on(struct init *init, int number)
{
    if (number == SIGCONT) {
        reap(init);
        bool arrived = init->resumed_by_others;
        init->resumed_by_others = false;
        init->stopped = false;
        if (arrived)
            return;
    }
    kill(init->command, number);
}

static void obey(struct init *init)
{
    struct firma_guest_message message;
    int got = firma_control_receive(init->control, &message);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        _exit(FIRMA_EXIT_RUNNER); /* nobody is left to confine this guest */
    if (got == 1 && message.word == FIRMA_GUEST_SIGNAL)
        pass_on(init, message.value);
    if (got == 1 && message.word == FIRMA_GUEST_TERMINAL)
        firma_guest_terminal_obey(init->terminal, message.value, init->command);
}

static void drain(int signals)
{
    struct signalfd_siginfo info[8];
    while (read(signals, info, sizeof info) > 0)
        ;
}

/* True too if nobody is behind it because that process failed, told why, and ended, which is noted
 * like any end. */
static bool open_gate(int gate, pid_t command)
{
    siginfo_t info;
    if (write(gate, "", 1) == 1)
        return true;
    if (errno != EPIPE)
        return false;
    kill(command, SIGKILL); /* no effect on one that is ending */
    return waitid(P_PID, (id_t)command, &info, WEXITED | WNOWAIT) == 0 &&
           info.si_code == CLD_EXITED;
}

_Noreturn void firma_guest_init(int control, struct firma_guest_terminal *terminal, pid_t command,
                                int gate)
{
    struct init init = {.control = control, .terminal = terminal, .command = command};
    struct firma_error err;
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    init.signals = sigprocmask(SIG_BLOCK, &chld, NULL) < 0
                       ? -1
                       : signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    if (init.signals < 0 || firma_guest_drop_privileges(&err) < 0 || !open_gate(gate, command))
        _exit(FIRMA_EXIT_RUNNER);
    close(gate);
    struct pollfd watched[] = {{.fd = control, .events = POLLIN},
                               {.fd = init.signals, .events = POLLIN}};
    reap(&init);
    for (;;) {
        if (poll(watched, 2, -1) < 0 && errno != EINTR)
            _exit(FIRMA_EXIT_RUNNER);
        if (watched[1].revents != 0) {
            drain(init.signals);
            reap(&init);
        }
        if (watched[0].revents != 0)
            obey(&init);
    }
}
