/*
 * supervise.c - theory of operation
 *
 * A signal for the launcher is meant for the command, so each is passed on exactly once: the
 * launcher's event loop reads it, the guardian sends it to the runner, the runner to the command.
 * Only what has arrived already is not passed on: on a terminal whose foreground group we share
 * with the runner, the kernel sent a typed Ctrl-C, a hang-up or a new window size to both of us.
 * (Except what the kernel sends to a session's leader alone, if that is us.)
 *
 * Stop and continue are mirrored, so that a shell's job control sees one job. When the runner has
 * stopped, for whatever reason, we take the terminal back and stop ourselves; the CONT that wakes
 * us is passed on after the terminal is the runner's again. A runner that reaches for a terminal it
 * does not have (TTIN, TTOU) while we are in the foreground simply gets it: a shell's `fg` of a job
 * that was not stopped sends no CONT.
 *
 * Escalation: see firma_launch_run() in firma_run.h. The terminal's own signals never escalate, as
 * they do not pass through here.
 */
#include "launcher/supervise.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/tree.h"

static void forward(struct firma_supervisor *supervisor, int number)
{
    firma_log(supervisor->log, "forwarding %s", firma_signal_name(number));
    firma_guardian_order(supervisor->guardian, FIRMA_ORDER_SIGNAL, number);
}

static void escalate(struct firma_supervisor *supervisor, const char *reason)
{
    firma_log(supervisor->log, "%s: killing the runner", reason);
    supervisor->end.escalated = true;
    firma_guardian_order(supervisor->guardian, FIRMA_ORDER_KILL, 0);
}

static void grace_over(void *context)
{
    struct firma_grace *grace = context;
    grace->running = false;
    if (grace->number == SIGTERM)
        escalate(grace->supervisor, "the grace period after SIGTERM is over");
}

static void end_gracefully(struct firma_supervisor *supervisor, struct firma_grace *grace)
{
    if (grace->running) {
        escalate(supervisor, "the signal was repeated");
        return;
    }
    grace->running = true;
    if (supervisor->grace_seconds > 0)
        firma_loop_arm(supervisor->loop, &grace->timer, supervisor->grace_seconds * 1000ull);
    forward(supervisor, grace->number);
}

/* Is the terminal ours to give? In the background it is the shell's. */
static void hand_terminal_over(struct firma_supervisor *supervisor)
{
    if (supervisor->terminal->group != FIRMA_GROUP_FOREGROUND ||
        !firma_terminal_is_ours(supervisor->terminal))
        return;
    if (supervisor->has_mode)
        tcsetattr(supervisor->terminal->fd, TCSANOW, &supervisor->mode);
    supervisor->has_mode = false;
    firma_terminal_give(supervisor->terminal, supervisor->guardian->runner);
}

/* After a rest on a shared terminal, the shell's CONT went to the whole group: the runner may be
 * awake, and the guardian knows. */
static void wake(struct firma_supervisor *supervisor)
{
    bool group_was_told = supervisor->resting && supervisor->terminal->group == FIRMA_GROUP_SHARED;
    supervisor->resting = false;
    hand_terminal_over(supervisor);
    if (group_was_told)
        firma_guardian_order(supervisor->guardian, FIRMA_ORDER_WAKE, 0);
    else
        forward(supervisor, SIGCONT);
}

static void continued(struct firma_supervisor *supervisor, const struct firma_signal *signal)
{
    if (signal->sender != supervisor->guardian->pid) {
        wake(supervisor);
        return;
    }
    supervisor->resting = false; /* the runner runs already, and took us along */
    hand_terminal_over(supervisor);
}

static bool has_arrived(const struct firma_supervisor *supervisor,
                        const struct firma_signal *signal)
{
    if (supervisor->terminal->group != FIRMA_GROUP_SHARED || !signal->from_kernel)
        return false;
    bool leader_only = signal->number == SIGHUP || signal->number == SIGCONT;
    return !(leader_only && getsid(0) == getpid());
}

void firma_supervisor_signal(struct firma_supervisor *supervisor, const struct firma_signal *signal)
{
    if (has_arrived(supervisor, signal))
        return;
    if (signal->number == SIGCONT)
        continued(supervisor, signal);
    else if (signal->number == SIGTERM)
        end_gracefully(supervisor, &supervisor->term);
    else if (signal->number == SIGINT)
        end_gracefully(supervisor, &supervisor->interrupt);
    else
        forward(supervisor, signal->number);
}

/* A CONT that waits in our queue would be thrown away by the stop: then there is nothing to stop
 * for. */
static bool continue_is_pending(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

static void rest(struct firma_supervisor *supervisor)
{
    const struct firma_terminal *terminal = supervisor->terminal;
    if (terminal->group == FIRMA_GROUP_FOREGROUND) {
        supervisor->has_mode = tcgetattr(terminal->fd, &supervisor->mode) == 0;
        firma_terminal_restore(terminal, supervisor->guardian->runner);
    }
    supervisor->resting = true;
    if (!continue_is_pending())
        kill(getpid(), SIGSTOP);
}

static void runner_stopped(struct firma_supervisor *supervisor, int number)
{
    bool wants_terminal = number == SIGTTIN || number == SIGTTOU;
    firma_log(supervisor->log, "the runner was stopped by signal %d", number);
    if (wants_terminal && supervisor->terminal->group == FIRMA_GROUP_FOREGROUND &&
        firma_terminal_is_ours(supervisor->terminal)) {
        hand_terminal_over(supervisor);
        firma_guardian_order(supervisor->guardian, FIRMA_ORDER_WAKE, 0);
    } else {
        rest(supervisor);
    }
}

static void finish(struct firma_supervisor *supervisor)
{
    supervisor->done = true;
    firma_terminal_restore(supervisor->terminal, supervisor->guardian->runner);
    firma_loop_stop(supervisor->loop);
}

static void runner_ended(struct firma_supervisor *supervisor, const struct firma_report *report)
{
    if (WIFSIGNALED(report->value))
        supervisor->end.signal = WTERMSIG(report->value);
    else
        supervisor->end.code = WEXITSTATUS(report->value);
    firma_log(supervisor->log, "the runner ended: exit %d, signal %d%s", supervisor->end.code,
              supervisor->end.signal,
              report->clean ? "" : "; something it left could not be killed");
    finish(supervisor);
}

static void guardian_lost(struct firma_supervisor *supervisor)
{
    const struct firma_terminal *terminal = supervisor->terminal;
    pid_t runner = supervisor->guardian->runner;
    firma_log(supervisor->log, "the guardian was lost: ending the runner's tree");
    firma_tree_end(terminal->group == FIRMA_GROUP_SHARED ? 0 : runner);
    supervisor->end = (struct firma_exit){.code = FIRMA_EXIT_OWN_FAILURE, .by_launcher = true};
    finish(supervisor);
}

static void channel_ready(void *context, unsigned events)
{
    struct firma_supervisor *supervisor = context;
    struct firma_report report;
    int got = firma_guardian_receive(supervisor->guardian, &report);
    (void)events;
    if (got < 0)
        guardian_lost(supervisor);
    else if (got > 0 && report.kind == FIRMA_REPORT_ENDED)
        runner_ended(supervisor, &report);
    else if (got > 0 && report.kind == FIRMA_REPORT_CHANGED && WIFSTOPPED(report.value))
        runner_stopped(supervisor, WSTOPSIG(report.value));
}

static void prepare_grace(struct firma_supervisor *supervisor, struct firma_grace *grace,
                          int number)
{
    *grace = (struct firma_grace){.supervisor = supervisor, .number = number};
    grace->timer = (struct firma_timer){.fire = grace_over, .context = grace};
}

int firma_supervise(struct firma_supervisor *supervisor, struct firma_error *err)
{
    struct firma_watch channel = {.fd = supervisor->guardian->channel,
                                  .events = FIRMA_READ,
                                  .ready = channel_ready,
                                  .context = supervisor};
    prepare_grace(supervisor, &supervisor->term, SIGTERM);
    prepare_grace(supervisor, &supervisor->interrupt, SIGINT);
    int result = firma_loop_watch(supervisor->loop, &channel, err);
    while (result == 0 && !supervisor->done)
        result = firma_loop_run(supervisor->loop, err);
    firma_loop_disarm(supervisor->loop, &supervisor->term.timer);
    firma_loop_disarm(supervisor->loop, &supervisor->interrupt.timer);
    firma_loop_unwatch(supervisor->loop, &channel);
    return result;
}
