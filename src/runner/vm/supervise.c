/*
 * The runner while its machine lives. The guest's words are taken only in their order:
 *
 *     BOOTING ─HELLO→ BUILDING ─READY→ RUNNING ⇄ stopped ─ENDED→ ENDED
 *
 * and any other word, or any frame that breaks a rule, ends the machine: a guest can lie about its
 * command's exit status, and about nothing else. ENDED comes after the end of the streams, so that
 * from then on nothing is waited for but our own caller. Between READY and GO the sidecar is asked
 * a second time. Until RUNNING a signal that would end us ends us, as it would any program that has
 * not set up its handlers; from then on all signals are the command's. Those the kernel sent to the
 * group (a key typed at a terminal that is not ours to make raw) are passed on as well: the command
 * is in another kernel, and no terminal's group has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/vm/vm.h"

enum { OURS = 2 /* descriptors beside the roads' */ };

enum phase { BOOTING, BUILDING, READY, RUNNING, ENDED, FAILED, INTERRUPTED };

struct supervisor {
    enum phase phase;
    struct firma_vm_machine *machine;
    struct firma_mux *mux;
    struct firma_vm_terminal terminal;
    struct firma_vm_roads roads;
    uint8_t *block;
    size_t block_size;
    bool stopped; /* the command has, and we have not followed yet */
    int status;
    char text[FIRMA_FRAME_TEXT_MAX + 1];
    int code;
};

static bool take_hello(struct supervisor *self, int32_t value)
{
    if (self->phase != BOOTING || value != FIRMA_VM_PROTOCOL)
        return false;
    self->phase = BUILDING;
    firma_vm_times_mark(&self->machine->times, FIRMA_VM_BOOTED);
    firma_mux_send_block(self->mux, self->block, self->block_size);
    return true;
}

/* Signals that nothing dies of: one of them must not become ours (mirror.c). */
static bool is_deadly(int number)
{
    return number > 0 && number <= 64 && number != SIGCHLD && number != SIGCONT &&
           number != SIGSTOP && number != SIGTSTP && number != SIGTTIN && number != SIGTTOU &&
           number != SIGURG && number != SIGWINCH;
}

/* Any number is a status to WIFEXITED and its kin; only these are ones that wait(2) gives. */
static bool take_end(struct supervisor *self, int32_t value)
{
    bool exited = (value & ~0xff00) == 0;
    bool killed = (value & ~0xff) == 0 && is_deadly(value & 0x7f);
    if (self->phase != RUNNING || (!exited && !killed) ||
        !firma_mux_has_ended(self->mux, FIRMA_STREAM_STDOUT) ||
        !firma_mux_has_ended(self->mux, FIRMA_STREAM_STDERR) ||
        !firma_mux_has_ended(self->mux, FIRMA_STREAM_TERMINAL))
        return false;
    self->phase = ENDED;
    self->status = value;
    return true;
}

static bool take_word(void *context, uint32_t word, int32_t value)
{
    struct supervisor *self = context;
    switch (word) {
    case FIRMA_WORD_HELLO:
        return take_hello(self, value);
    case FIRMA_WORD_READY:
        if (self->phase != BUILDING)
            return false;
        self->phase = READY;
        return true;
    case FIRMA_WORD_FAILED:
        if (self->phase >= ENDED)
            return false;
        self->phase = FAILED;
        self->code =
            firma_error_name(value)[0] != 'u' || value == FIRMA_E_USAGE ? value : FIRMA_E_SYSTEM;
        return true;
    case FIRMA_WORD_STOPPED:
        self->stopped = true;
        return self->phase == RUNNING;
    case FIRMA_WORD_CONTINUED:
        self->stopped = false;
        return self->phase == RUNNING;
    case FIRMA_WORD_ENDED:
        return take_end(self, value);
    default:
        return false;
    }
}

/* A guest's words end up on a terminal: nothing but printable characters passes. */
static bool take_text(void *context, const uint8_t *bytes, size_t length)
{
    struct supervisor *self = context;
    for (size_t i = 0; i < length; i++)
        self->text[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '?';
    self->text[length] = '\0';
    return true;
}

static bool take_datagram(void *context, uint16_t flow, const uint8_t *bytes, size_t length)
{
    struct supervisor *self = context;
    if (self->phase != RUNNING)
        return false;
    firma_vm_roads_send(&self->roads, flow, bytes, length);
    return true;
}

static int take_connection(void *context, uint8_t service)
{
    struct supervisor *self = context;
    return self->phase == RUNNING ? firma_vm_roads_dial(&self->roads, service) : -1;
}

/* Our own copies, so that a stream may end on its own; the numbers 0 and 1 stay taken, and 2 stays
 * for our last words. */
static int attach_one(struct firma_mux *mux, int number, uint16_t stream, struct firma_error *err)
{
    if ((fcntl(number, F_GETFD) & FD_CLOEXEC) != 0) { /* a placeholder: nothing in, nothing out */
        firma_mux_attach(mux, stream, -1, -1, 0);
        return 0;
    }
    int fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "descriptor %d", number);
    firma_mux_attach(mux, stream, number == 0 ? fd : -1, number == 0 ? -1 : fd, FIRMA_MUX_SHARED);
    return 0;
}

/* The caller's terminal by a description of our own, which may be non-blocking without anybody
 * noticing: a terminal that nobody reads must not hold up signals and proxies. One without a name
 * here is used as it is, like any other descriptor. */
static int open_terminal(const struct firma_vm_terminal *terminal, int mode, unsigned *flags)
{
    char name[64];
    int fd = ttyname_r(terminal->lead, name, sizeof name) == 0
                 ? open(name, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                 : -1;
    *flags |= fd < 0 ? FIRMA_MUX_SHARED : 0;
    return fd >= 0 ? fd : fcntl(terminal->lead, F_DUPFD_CLOEXEC, 3);
}

static int attach_terminal(struct supervisor *self, struct firma_error *err)
{
    bool keys = firma_vm_terminal_has_keys(&self->terminal);
    unsigned flags = 0;
    int out = open_terminal(&self->terminal, O_WRONLY, &flags);
    int in = keys ? open_terminal(&self->terminal, O_RDONLY, &flags) : -1;
    if (out < 0 || (keys && in < 0))
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "terminal");
    firma_mux_attach(self->mux, FIRMA_STREAM_TERMINAL, in, out, flags);
    return 0;
}

/* In the background the terminal's keys are for others: whoever reads them is stopped, and so are
 * its group's members, that is we. */
static bool tell_terminal(struct supervisor *self)
{
    firma_mux_hold(self->mux, FIRMA_STREAM_TERMINAL, !self->terminal.foreground);
    return firma_mux_say(self->mux, FIRMA_WORD_TERMINAL, firma_vm_terminal_duties(&self->terminal));
}

static int attach(struct supervisor *self, struct firma_error *err)
{
    static const uint16_t streams[] = {FIRMA_STREAM_STDIN, FIRMA_STREAM_STDOUT,
                                       FIRMA_STREAM_STDERR};
    FIRMA_AUTOCLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int result = self->terminal.descriptors != 0 ? attach_terminal(self, err) : 0;
    for (int i = 0; i <= 2 && result == 0; i++) {
        if ((self->terminal.descriptors >> i & 1) != 0) /* still needed, to change its mode */
            continue;
        result = attach_one(self->mux, i, streams[i], err);
        if (result == 0 && null >= 0 && i <= 1)
            (void)dup3(null, i, O_CLOEXEC);
    }
    return result;
}

/* The terminal may have changed hands while the machine started. */
static int go_ahead(struct supervisor *self, struct firma_error *err)
{
    bool told = true;
    if (self->terminal.descriptors != 0) {
        (void)firma_vm_terminal_moved(&self->terminal);
        told = tell_terminal(self);
    }
    return told && firma_mux_say(self->mux, FIRMA_WORD_GO, 0)
               ? firma_vm_terminal_enter(&self->terminal, err)
               : firma_fail(err, FIRMA_E_SYSTEM, 0, "channel: full");
}

static int go(struct supervisor *self, struct firma_error *err)
{
    int result = firma_runner_check_sidecar(self->roads.proxy, err);
    if (result == 0)
        result = attach(self, err);
    if (result == 0)
        result = go_ahead(self, err);
    if (result < 0)
        return result;
    self->phase = RUNNING;
    firma_vm_times_mark(&self->machine->times, FIRMA_VM_STARTED);
    return 0;
}

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Before the command exists a signal does to us what it does to any program. */
static void take_early(struct supervisor *self, int number)
{
    if (number == SIGWINCH || number == SIGCONT || is_ignored(number))
        return;
    if (number == SIGTSTP) {
        raise(SIGSTOP);
        return;
    }
    self->phase = INTERRUPTED;
    self->status = number;
}

/* Whoever continues us may have given us the terminal, or taken it away. One whose mode cannot be
 * changed is used as it is. */
static void retake_terminal(struct supervisor *self)
{
    struct firma_error ignored;
    if (firma_vm_terminal_moved(&self->terminal))
        tell_terminal(self);
    (void)firma_vm_terminal_enter(&self->terminal, &ignored);
}

static void take_signal(struct supervisor *self, int signals)
{
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    int number = (int)info.ssi_signo;
    if (self->phase == RUNNING && number == SIGCONT)
        retake_terminal(self);
    if (self->phase < RUNNING)
        take_early(self, number);
    else if (number == SIGWINCH && firma_vm_terminal_resized(&self->terminal))
        firma_mux_say(self->mux, FIRMA_WORD_WINDOW,
                      (int32_t)((uint32_t)self->terminal.rows << 16 | self->terminal.columns));
    else
        firma_mux_say(self->mux, FIRMA_WORD_SIGNAL, number);
}

/* The command has stopped: so do we, with the terminal as we found it. A continue that is already
 * waiting wins: it would be lost by stopping now. A job that runs is brought to the foreground
 * without a word: if that is what the command stopped for, it goes on. */
static void follow_stop(struct supervisor *self)
{
    sigset_t pending;
    self->stopped = false;
    if (sigpending(&pending) < 0 || sigismember(&pending, SIGCONT) == 1)
        return;
    bool was_foreground = self->terminal.foreground;
    retake_terminal(self);
    if (!was_foreground && self->terminal.foreground) {
        firma_mux_say(self->mux, FIRMA_WORD_SIGNAL, SIGCONT);
        return;
    }
    firma_vm_terminal_leave(&self->terminal);
    raise(SIGSTOP); /* and the SIGCONT that ends this is taken like any signal */
}

/* The machine is gone and has not said how the command ended. What was printed last is often why:
 * a kernel's panic, the monitor's complaint. */
static int ended_early(struct supervisor *self, struct firma_error *err)
{
    const char *last = firma_vm_console_last(&self->machine->console);
    return last[0] == '\0'
               ? firma_fail(err, FIRMA_E_SYSTEM, 0, "the machine ended without a result")
               : firma_fail(err, FIRMA_E_SYSTEM, 0,
                            "the machine ended without a result; it last printed: %s", last);
}

static int turn(struct supervisor *self, int signals, int64_t deadline, struct firma_error *err)
{
    struct pollfd polled[OURS + FIRMA_FLOW_COUNT];
    int64_t left = self->phase < RUNNING ? deadline - firma_vm_now_ms() : -1;
    if (self->phase < RUNNING && left <= 0)
        return firma_fail(err, FIRMA_E_SPAWN, ETIMEDOUT, "the guest did not start");
    /* A guest that does not listen leaves signals where they are, in the kernel: bounded there. */
    bool listens = self->phase < RUNNING || firma_mux_may_say(self->mux);
    polled[0] = (struct pollfd){.fd = listens ? signals : -1, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = self->machine->console.input, .events = POLLIN};
    firma_vm_roads_watch(&self->roads, polled + OURS);
    int result = firma_mux_turn(self->mux, polled, OURS + FIRMA_FLOW_COUNT, (int)left, err);
    if (result < 0)
        return result;
    if (result == 0 && self->phase < ENDED)
        return ended_early(self, err);
    if (polled[1].revents != 0)
        firma_vm_console_serve(&self->machine->console);
    firma_vm_roads_serve(&self->roads, self->mux, polled + OURS);
    if (polled[0].revents != 0)
        take_signal(self, signals);
    return 0;
}

static bool is_over(const struct supervisor *self)
{
    if (self->phase != ENDED)
        return self->phase > ENDED;
    return firma_mux_is_finished(self->mux, FIRMA_STREAM_STDOUT) &&
           firma_mux_is_finished(self->mux, FIRMA_STREAM_STDERR) &&
           firma_mux_is_finished(self->mux, FIRMA_STREAM_TERMINAL);
}

/* Of the command, from before it stopped. What nobody takes from us is no reason to wait. */
static bool has_words_left(const struct supervisor *self)
{
    return firma_mux_could_write(self->mux, FIRMA_STREAM_TERMINAL) ||
           firma_mux_could_write(self->mux, FIRMA_STREAM_STDOUT) ||
           firma_mux_could_write(self->mux, FIRMA_STREAM_STDERR);
}

static int converse(struct supervisor *self, int signals, struct firma_error *err)
{
    int64_t deadline = firma_vm_now_ms() + (int64_t)self->machine->options.start_seconds * 1000;
    int result = 0;
    while (result == 0 && !is_over(self)) {
        result = turn(self, signals, deadline, err);
        if (result == 0 && self->phase == READY)
            result = go(self, err);
        if (result == 0 && self->stopped && !has_words_left(self))
            follow_stop(self);
    }
    if (result == 0 && self->phase == FAILED)
        result = firma_fail(err, self->code, 0, "guest: %s", self->text);
    return result;
}

int firma_vm_supervise(const struct firma_contract *contract,
                       const struct firma_runner_origin *origin, struct firma_vm_machine *machine,
                       int *status, struct firma_error *err)
{
    struct supervisor self = {.phase = BOOTING, .machine = machine};
    const struct firma_mux_events events = {.context = &self,
                                            .word = take_word,
                                            .text = take_text,
                                            .datagram = take_datagram,
                                            .opened = take_connection};
    FIRMA_AUTOCLOSE int signals = firma_runner_open_signals(err);
    if (signals < 0)
        return signals;
    firma_vm_terminal_look(&self.terminal);
    firma_vm_roads_open(&self.roads, contract);
    int result = firma_vm_prepare_block(contract, origin, &self.terminal, &self.block,
                                        &self.block_size, err);
    if (result == 0)
        result = firma_mux_open(&self.mux, machine->channel, &events, err);
    if (result == 0)
        result = converse(&self, signals, err);
    firma_vm_times_mark(&machine->times, FIRMA_VM_OVER);
    firma_vm_terminal_leave(&self.terminal);
    firma_vm_roads_close(&self.roads);
    firma_mux_close(self.mux);
    free(self.block);
    if (result == 0)
        *status = self.status;
    return result;
}
