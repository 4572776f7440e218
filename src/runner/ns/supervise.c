/*
 * The runner while the command runs. Theory of operation:
 *
 * All signals of the contract are blocked since the first moment and read from a descriptor, with
 * their origin. What a process sent is passed on, once, through pid 1. What the kernel sent (a key
 * typed at the terminal) is not: the terminal sent it to the whole process group, and the command
 * is a member. When the command stops, so does the runner, and with it the relay; whoever continues
 * the runner continues the command.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/control_linux.h"
#include "runner/ns/events.h"
#include "runner/ns/ns.h"
#include "runner/ns/relay.h"

struct supervisor {
    struct firma_ns_guest *guest;
    struct firma_ns_watch signals;
    struct firma_ns_watch control;
    bool ended;    /* the command, or the guest without it */
    bool reported; /* and status is the command's wait status */
    int status;
    int failure; /* or the guest told why, in *err */
    struct firma_error *err;
};

static void signal_ready(void *context, uint32_t events)
{
    struct supervisor *self = context;
    struct signalfd_siginfo info;
    (void)events;
    if (read(self->signals.fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_code != SI_KERNEL)
        firma_control_say(self->guest->control, FIRMA_GUEST_SIGNAL, (int)info.ssi_signo);
}

/* A continue that is already waiting wins: it would be lost by stopping now. */
static void stop_too(void)
{
    sigset_t pending;
    if (sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 0)
        raise(SIGSTOP);
}

static void control_ready(void *context, uint32_t events)
{
    struct supervisor *self = context;
    struct firma_guest_message message;
    (void)events;
    int got = firma_control_receive_last(self->guest->control, &message);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got == 1 && message.word == FIRMA_GUEST_STOPPED) {
        stop_too();
    } else if (got == 1 && message.word == FIRMA_GUEST_ENDED) {
        self->ended = self->reported = true;
        self->status = message.value;
    } else if (got == 1 && message.word == FIRMA_GUEST_FAILED) {
        self->ended = true;
        self->failure = firma_control_explain(&message, self->err);
    } else if (got <= 0) {
        self->ended = true;
    }
}

/* The command starts when nothing is left that can fail before it runs. */
static int serve(struct supervisor *self, int events, struct firma_error *err)
{
    struct firma_relay *relay = NULL;
    int result =
        firma_relay_open(&relay, events, self->guest->listeners, self->guest->listener_count, err);
    if (result == 0)
        result = firma_ns_go(self->guest, err);
    while (result >= 0 && !self->ended) {
        result = firma_ns_events_turn(events, firma_relay_timeout(relay), err);
        if (result == 0)
            firma_relay_resume(relay);
    }
    firma_relay_close(relay);
    return result < 0 ? result : 0;
}

/* Pid 1 ends only after everything else in its namespace has; what is ours of it can go meanwhile.
 */
static void await_end(struct firma_ns_guest *guest)
{
    firma_guest_listeners_close(guest->listeners, guest->listener_count);
    guest->listener_count = 0;
    while (waitpid(guest->init, NULL, 0) < 0 && errno == EINTR)
        ;
    guest->init = -1;
}

int firma_ns_supervise(struct firma_ns_guest *guest, int *status, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int events = firma_ns_events_open(err);
    FIRMA_AUTOCLOSE int signals = events < 0 ? events : firma_runner_open_signals(err);
    if (signals < 0)
        return signals;
    struct supervisor self = {.guest = guest, .err = err};
    self.signals = (struct firma_ns_watch){.fd = signals, .ready = signal_ready, .context = &self};
    self.control =
        (struct firma_ns_watch){.fd = guest->control, .ready = control_ready, .context = &self};
    if (firma_ns_events_set(events, &self.signals, EPOLLIN) < 0 ||
        firma_ns_events_set(events, &self.control, EPOLLIN) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "watch the guest");
    int result = serve(&self, events, err);
    if (result < 0)
        return result;
    if (self.failure < 0)
        return self.failure;
    if (!self.reported)
        return firma_fail(err, FIRMA_E_SYSTEM, 0, "the guest ended without a result");
    await_end(guest);
    *status = self.status;
    return 0;
}
