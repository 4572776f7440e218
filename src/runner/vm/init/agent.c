/*
 * The guest's end of the conversation:
 *
 *     guest  HELLO → READY →          STOPPED CONTINUED … ENDED
 *     host          block    GO → SIGNAL WINDOW TERMINAL …
 *
 * ENDED is said only when all that the command's descriptors held has been sent, and when all else
 * in its pid namespace is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/control_linux.h"
#include "runner/vm/init/init.h"

struct agent {
    struct firma_mux *mux;
    struct firma_init_relay relay;
    struct firma_init_inner inner;
    struct firma_contract contract;
    struct firma_block block;
    uint8_t *bytes; /* the block's */
    size_t size;
    bool complete; /* the block is */
    bool running;
    bool ended;
    int status;
};

static bool take_word(void *context, uint32_t word, int32_t value)
{
    struct agent *agent = context;
    if (word == FIRMA_WORD_GO && !agent->running && agent->inner.control >= 0) {
        agent->running = firma_control_say(agent->inner.control, FIRMA_GUEST_GO, 0) == 0;
        return agent->running;
    }
    if (word == FIRMA_WORD_TERMINAL && agent->inner.streams.terminal >= 0) {
        if (!agent->ended)
            (void)firma_control_say(agent->inner.control, FIRMA_GUEST_TERMINAL, value);
        return true;
    }
    if (!agent->running)
        return false;
    if (word == FIRMA_WORD_SIGNAL && value > 0 && value <= 64) {
        if (!agent->ended)
            (void)firma_control_say(agent->inner.control, FIRMA_GUEST_SIGNAL, value);
        return true;
    }
    if (word != FIRMA_WORD_WINDOW)
        return false;
    const struct winsize size = {.ws_row = (unsigned short)((uint32_t)value >> 16),
                                 .ws_col = (unsigned short)value};
    if (agent->inner.streams.terminal >= 0)
        (void)ioctl(agent->inner.streams.terminal, TIOCSWINSZ, &size);
    return true;
}

static bool take_block(void *context, const uint8_t *bytes, size_t length)
{
    struct agent *agent = context;
    if (agent->complete || agent->size + length > FIRMA_BLOCK_MAX)
        return false;
    agent->complete = length == 0;
    uint8_t *grown = realloc(agent->bytes, agent->size + length + 1);
    if (grown == NULL)
        return false;
    memcpy(grown + agent->size, bytes, length);
    agent->bytes = grown;
    agent->size += length;
    return true;
}

static bool take_datagram(void *context, uint16_t flow, const uint8_t *bytes, size_t length)
{
    struct agent *agent = context;
    firma_init_relay_answer(&agent->relay, flow, bytes, length);
    return true;
}

static int await_block(struct agent *agent, struct firma_error *err)
{
    while (!agent->complete) {
        int result = firma_mux_turn(agent->mux, NULL, 0, -1, err);
        if (result < 0)
            return result;
        if (result == 0)
            return firma_fail(err, FIRMA_E_SYSTEM, 0, "the host hung up");
    }
    return 0;
}

/* Listeners first: nothing in the guest runs before there is something to talk to. */
static int build(struct agent *agent, struct firma_error *err)
{
    int result = firma_block_decode(agent->bytes, agent->size, &agent->block, err);
    if (result == 0)
        result = firma_init_refresh(&agent->block, err);
    if (result == 0)
        result = firma_contract_decode(agent->block.contract, agent->block.contract_size,
                                       &agent->contract, err);
    if (result == 0)
        result = firma_guest_loopback_up(err);
    if (result == 0)
        result = firma_init_relay_open(&agent->relay, &agent->contract, err);
    if (result == 0)
        result = firma_init_launch(&agent->contract, &agent->block, &agent->inner, err);
    return result;
}

/* The master is one descriptor for both directions; each owns its own, and one stays to set the
 * window's size by. */
static int attach_terminal(struct agent *agent, struct firma_error *err)
{
    int master = agent->inner.streams.terminal;
    bool keys = (agent->block.terminal & 1u << STDIN_FILENO) != 0;
    int output = fcntl(master, F_DUPFD_CLOEXEC, 3);
    int input = keys ? fcntl(master, F_DUPFD_CLOEXEC, 3) : -1;
    if (output < 0 || (keys && input < 0))
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's terminal");
    firma_mux_attach(agent->mux, FIRMA_STREAM_TERMINAL, output, input, 0);
    return 0;
}

static int attach(struct agent *agent, struct firma_error *err)
{
    struct firma_init_streams *streams = &agent->inner.streams;
    if (streams->in >= 0)
        firma_mux_attach(agent->mux, FIRMA_STREAM_STDIN, -1, streams->in, 0);
    if (streams->out >= 0)
        firma_mux_attach(agent->mux, FIRMA_STREAM_STDOUT, streams->out, -1, 0);
    if (streams->err >= 0)
        firma_mux_attach(agent->mux, FIRMA_STREAM_STDERR, streams->err, -1, 0);
    streams->in = streams->out = streams->err = -1;
    return streams->terminal < 0 ? 0 : attach_terminal(agent, err);
}

/* What the command wrote before it stopped is said before that it has. */
static void note_stop(struct agent *agent, int number)
{
    firma_mux_collect(agent->mux, FIRMA_STREAM_TERMINAL);
    firma_mux_collect(agent->mux, FIRMA_STREAM_STDOUT);
    firma_mux_collect(agent->mux, FIRMA_STREAM_STDERR);
    firma_mux_say(agent->mux, FIRMA_WORD_STOPPED, number);
}

/* When inner init can be waited for, all of its pid namespace is gone. */
static void note_end(struct agent *agent, int status)
{
    while (waitpid(agent->inner.pid, NULL, 0) < 0 && errno == EINTR)
        ;
    agent->ended = true;
    agent->status = status;
}

static int obey_inner(struct agent *agent, struct firma_error *err)
{
    struct firma_guest_message message;
    int got = firma_control_receive_last(agent->inner.control, &message);
    if (got == 1 && message.word == FIRMA_GUEST_STOPPED)
        note_stop(agent, message.value);
    else if (got == 1 && message.word == FIRMA_GUEST_CONTINUED)
        firma_mux_say(agent->mux, FIRMA_WORD_CONTINUED, 0);
    else if (got == 1 && message.word == FIRMA_GUEST_ENDED)
        note_end(agent, message.value);
    else if (got == 1 && message.word == FIRMA_GUEST_FAILED)
        return firma_fail(err, message.value, 0, "%s", message.text);
    else
        return firma_fail(err, FIRMA_E_SYSTEM, 0, "the guest ended without a result");
    return 0;
}

static bool is_drained(const struct agent *agent)
{
    return agent->ended && firma_mux_is_sent(agent->mux, FIRMA_STREAM_STDOUT) &&
           firma_mux_is_sent(agent->mux, FIRMA_STREAM_STDERR) &&
           firma_mux_is_sent(agent->mux, FIRMA_STREAM_TERMINAL);
}

static int supervise(struct agent *agent, struct firma_error *err)
{
    struct pollfd polled[1 + FIRMA_GUEST_LISTENERS];
    while (!is_drained(agent)) {
        polled[0] =
            (struct pollfd){.fd = agent->ended ? -1 : agent->inner.control, .events = POLLIN};
        firma_init_relay_watch(&agent->relay, polled + 1);
        int result = firma_mux_turn(agent->mux, polled, 1 + FIRMA_GUEST_LISTENERS, -1, err);
        if (result == 0)
            return firma_fail(err, FIRMA_E_SYSTEM, 0, "the host hung up");
        if (result > 0)
            firma_init_relay_serve(&agent->relay, polled + 1);
        if (result > 0 && polled[0].revents != 0)
            result = obey_inner(agent, err);
        if (result < 0)
            return result;
    }
    sync();
    return 0;
}

/* Everything said must leave before the machine ends; the host ends it sooner if it likes. */
static void flush(struct agent *agent)
{
    struct firma_error ignored;
    while (!firma_mux_is_flushed(agent->mux) &&
           firma_mux_turn(agent->mux, NULL, 0, -1, &ignored) > 0)
        ;
}

/* What has been written to the port may still be on its way: the host says when to stop. */
static void await_hangup(struct agent *agent)
{
    struct firma_error ignored;
    while (firma_mux_turn(agent->mux, NULL, 0, -1, &ignored) > 0)
        ;
}

static int converse(struct agent *agent, struct firma_error *err)
{
    int result = await_block(agent, err);
    if (result == 0)
        result = build(agent, err);
    if (result == 0)
        result = attach(agent, err);
    if (result == 0 && !firma_mux_say(agent->mux, FIRMA_WORD_READY, 0))
        result = firma_fail(err, FIRMA_E_SYSTEM, 0, "channel: full");
    return result < 0 ? result : supervise(agent, err);
}

int firma_init_serve(int channel, struct firma_error *err)
{
    static struct agent agent = {.inner = {-1, -1, {-1, -1, -1, -1}}};
    const struct firma_mux_events events = {
        .context = &agent, .word = take_word, .block = take_block, .datagram = take_datagram};
    signal(SIGPIPE, SIG_IGN);
    int result = firma_mux_open(&agent.mux, channel, &events, err);
    if (result < 0)
        return result;
    agent.relay.mux = agent.mux;
    result = converse(&agent, err);
    if (result < 0) {
        firma_mux_say_text(agent.mux, err->text);
        firma_mux_say(agent.mux, FIRMA_WORD_FAILED, err->code);
    } else {
        firma_mux_say(agent.mux, FIRMA_WORD_ENDED, agent.status);
    }
    flush(&agent);
    await_hangup(&agent);
    return result;
}
