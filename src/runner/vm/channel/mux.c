#include "runner/vm/channel/mux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/vm/channel/mux_private.h"

enum { WORD = 8 }; /* bytes of a word and its value */

int firma_mux_open(struct firma_mux **out, int channel, const struct firma_mux_events *events,
                   struct firma_error *err)
{
    struct firma_mux *mux = calloc(1, sizeof *mux);
    if (mux == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "channel");
    mux->channel = channel;
    mux->events = *events;
    mux->next = FIRMA_STREAM_OPENED;
    mux->block_credit = FIRMA_STREAM_WINDOW;
    for (size_t i = 0; i < FIRMA_STREAM_COUNT; i++)
        mux->streams[i].in = mux->streams[i].out = -1;
    *out = mux;
    return 0;
}

void firma_mux_close(struct firma_mux *mux)
{
    if (mux == NULL)
        return;
    for (size_t i = 0; i < mux->high; i++)
        mux_stream_clear(&mux->streams[i]);
    free(mux);
}

bool mux_has_room(const struct firma_mux *mux, size_t payload, bool reserved)
{
    size_t limit = reserved ? MUX_OUTPUT : MUX_OUTPUT - MUX_RESERVE;
    return mux->output_used + FIRMA_FRAME_HEADER + payload <= limit;
}

void mux_put(struct firma_mux *mux, enum firma_frame_kind kind, uint16_t stream, const void *bytes,
             size_t length)
{
    if (mux->output_start + mux->output_used + FIRMA_FRAME_HEADER + length > MUX_OUTPUT) {
        memmove(mux->output, mux->output + mux->output_start, mux->output_used);
        mux->output_start = 0;
    }
    const struct firma_frame frame = {kind, stream, bytes, length};
    mux->output_used +=
        firma_frame_encode(&frame, mux->output + mux->output_start + mux->output_used);
}

static void raise_high(struct firma_mux *mux, uint16_t stream)
{
    if (stream >= mux->high)
        mux->high = stream + 1u;
}

void firma_mux_attach(struct firma_mux *mux, uint16_t stream, int in, int out, unsigned flags)
{
    mux_stream_begin(&mux->streams[stream], in, out, flags);
    raise_high(mux, stream);
}

void firma_mux_hold(struct firma_mux *mux, uint16_t stream, bool held)
{
    mux->streams[stream].held = held;
}

static bool is_ready(int fd, short events)
{
    struct pollfd polled = {.fd = fd, .events = events};
    return fd >= 0 && poll(&polled, 1, 0) == 1;
}

void firma_mux_collect(struct firma_mux *mux, uint16_t stream)
{
    const struct mux_stream *it = &mux->streams[stream];
    while (it->open && mux_stream_in_events(mux, it) != 0 && is_ready(it->in, POLLIN))
        mux_stream_read(mux, stream);
}

bool firma_mux_could_write(const struct firma_mux *mux, uint16_t stream)
{
    const struct mux_stream *it = &mux->streams[stream];
    return it->open && it->used > 0 && is_ready(it->out, POLLOUT);
}

bool firma_mux_may_connect(const struct firma_mux *mux)
{
    return mux->connections < FIRMA_STREAM_CONNECTIONS && mux_has_room(mux, 1, false);
}

bool firma_mux_connect(struct firma_mux *mux, enum firma_vm_service service, int socket)
{
    if (!firma_mux_may_connect(mux))
        return false;
    while (mux->streams[mux->next].open)
        mux->next = mux->next + 1 < FIRMA_STREAM_COUNT ? mux->next + 1 : FIRMA_STREAM_OPENED;
    const uint8_t byte = (uint8_t)service;
    mux_stream_begin(&mux->streams[mux->next], socket, socket, FIRMA_MUX_SOCKET);
    mux_put(mux, FIRMA_FRAME_OPEN, mux->next, &byte, 1);
    mux->connections++;
    raise_high(mux, mux->next);
    return true;
}

bool firma_mux_may_say(const struct firma_mux *mux)
{
    return mux_has_room(mux, WORD, true);
}

bool firma_mux_say(struct firma_mux *mux, enum firma_vm_word word, int32_t value)
{
    uint8_t bytes[WORD];
    if (!firma_mux_may_say(mux))
        return false;
    firma_put32(bytes, word);
    firma_put32(bytes + 4, (uint32_t)value);
    mux_put(mux, FIRMA_FRAME_WORD, 0, bytes, sizeof bytes);
    return true;
}

bool firma_mux_say_text(struct firma_mux *mux, const char *text)
{
    size_t length = strnlen(text, FIRMA_FRAME_TEXT_MAX);
    if (length == 0 || !mux_has_room(mux, length, true))
        return false;
    mux_put(mux, FIRMA_FRAME_TEXT, 0, text, length);
    return true;
}

void firma_mux_send_datagram(struct firma_mux *mux, uint16_t flow, const void *bytes, size_t size)
{
    if (size <= FIRMA_FRAME_PAYLOAD && mux_has_room(mux, size, false))
        mux_put(mux, FIRMA_FRAME_DATAGRAM, flow, bytes, size);
}

void firma_mux_send_block(struct firma_mux *mux, const uint8_t *bytes, size_t size)
{
    mux->block = bytes;
    mux->block_left = size;
    mux->block_due = mux->block_begun = true;
}

static void settle_block(struct firma_mux *mux)
{
    uint8_t grant[4];
    while (mux->block_left > 0 && mux->block_credit > 0 &&
           mux_has_room(mux, FIRMA_FRAME_PAYLOAD, false)) {
        size_t size = mux->block_left < FIRMA_FRAME_PAYLOAD ? mux->block_left : FIRMA_FRAME_PAYLOAD;
        size = size < mux->block_credit ? size : mux->block_credit;
        mux_put(mux, FIRMA_FRAME_DATA, FIRMA_STREAM_BLOCK, mux->block, size);
        mux->block += size;
        mux->block_left -= size;
        mux->block_credit -= (uint32_t)size;
    }
    if (mux->block_due && mux->block_left == 0 && mux_has_room(mux, 0, false)) {
        mux_put(mux, FIRMA_FRAME_END, FIRMA_STREAM_BLOCK, NULL, 0);
        mux->block_due = false;
    }
    if (mux->block_owed >= FIRMA_STREAM_WINDOW / 2 && mux_has_room(mux, sizeof grant, false)) {
        firma_put32(grant, mux->block_owed);
        mux->block_owed = 0;
        mux_put(mux, FIRMA_FRAME_CREDIT, FIRMA_STREAM_BLOCK, grant, sizeof grant);
    }
}

static void settle(struct firma_mux *mux)
{
    settle_block(mux);
    for (size_t i = 0; i < mux->high; i++)
        mux_stream_settle(mux, (uint16_t)i);
}

/* Watches what STREAM has a use for: a socket that is read and written, in one place. */
static nfds_t gather_stream(struct firma_mux *mux, uint16_t number, nfds_t used)
{
    const struct mux_stream *stream = &mux->streams[number];
    struct mux_place *place = &mux->places[number];
    short in = mux_stream_in_events(mux, stream), out = mux_stream_out_events(stream);
    *place = (struct mux_place){0, 0};
    if (in != 0) {
        place->in = used++;
        mux->polled[place->in] = (struct pollfd){.fd = stream->in, .events = in};
    }
    if (out != 0 && in != 0 && stream->out == stream->in) {
        place->out = place->in;
        mux->polled[place->in].events |= out;
    } else if (out != 0) {
        place->out = used++;
        mux->polled[place->out] = (struct pollfd){.fd = stream->out, .events = out};
    }
    return used;
}

/* Fills `polled`: the channel, the caller's, then the streams'. A descriptor that nothing is wanted
 * of is left out, because poll(2) would report its hang-up for ever; and a place without one,
 * because it wants no more places than this process may have descriptors. */
static nfds_t gather(struct firma_mux *mux, const struct pollfd *mine, size_t count)
{
    nfds_t used = 0;
    mux->polled[used++] =
        (struct pollfd){.fd = mux->gone ? -1 : mux->channel,
                        .events = (short)(POLLIN | (mux->output_used > 0 ? POLLOUT : 0))};
    for (size_t i = 0; i < count; i++)
        if (mine[i].fd >= 0)
            mux->polled[used++] = mine[i];
    for (size_t i = 0; i < mux->high; i++)
        used = gather_stream(mux, (uint16_t)i, used);
    return used;
}

/* What became of the caller's, in their order. */
static void report(const struct firma_mux *mux, struct pollfd *mine, size_t count, bool any)
{
    nfds_t at = 1;
    for (size_t i = 0; i < count; i++)
        mine[i].revents = mine[i].fd >= 0 && any ? mux->polled[at++].revents : 0;
}

static int refuse(struct firma_error *err, int errnum, const char *why)
{
    return firma_fail(err, FIRMA_E_SYSTEM, errnum, "channel: the other end sent %s", why);
}

static int obey_input(struct firma_mux *mux, struct firma_error *err)
{
    size_t used = 0;
    for (;;) {
        struct firma_frame frame;
        int length = firma_frame_decode(mux->input + used, mux->input_used - used, &frame);
        if (length < 0)
            return refuse(err, 0, "what is no frame");
        if (length == 0)
            break;
        const char *wrong = mux_obey(mux, &frame);
        if (wrong != NULL)
            return refuse(err, 0, wrong);
        used += (size_t)length;
    }
    memmove(mux->input, mux->input + used, mux->input_used - used);
    mux->input_used -= used;
    return 1;
}

static int read_channel(struct firma_mux *mux, struct firma_error *err)
{
    ssize_t got = read(mux->channel, mux->input + mux->input_used, MUX_INPUT - mux->input_used);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (got < 0 && errno != ECONNRESET)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "channel: read");
    mux->gone = got <= 0;
    if (mux->gone)
        return 0;
    mux->input_used += (size_t)got;
    return obey_input(mux, err);
}

/* A peer that takes no more may have said more than has been read yet: its end is for
 * read_channel() to find, and what was meant for it is nobody's. */
static int write_channel(struct firma_mux *mux, struct firma_error *err)
{
    if (mux->gone)
        mux->output_used = 0;
    if (mux->output_used == 0)
        return 1;
    ssize_t done = write(mux->channel, mux->output + mux->output_start, mux->output_used);
    if (done < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (done < 0 && (errno == EPIPE || errno == ECONNRESET))
        done = (ssize_t)mux->output_used;
    if (done < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "channel: write");
    mux->output_start += (size_t)done;
    mux->output_used -= (size_t)done;
    if (mux->output_used == 0)
        mux->output_start = 0;
    return 1;
}

/* Moves what the streams have; each turn begins behind the stream the last one began with. */
static void serve(struct firma_mux *mux, size_t high)
{
    for (size_t n = 0; n < high; n++) {
        size_t i = (mux->turn + n) % high;
        struct mux_stream *stream = &mux->streams[i];
        const struct pollfd *in = &mux->polled[mux->places[i].in];
        const struct pollfd *out = &mux->polled[mux->places[i].out];
        bool readable =
            mux->places[i].in != 0 && in->fd == stream->in && (in->revents & ~POLLOUT) != 0;
        bool writable =
            mux->places[i].out != 0 && out->fd == stream->out && (out->revents & ~POLLIN) != 0;
        if (writable)
            mux_stream_write(stream);
        if (readable && stream->in >= 0)
            mux_stream_read(mux, (uint16_t)i);
    }
    if (high > 0)
        mux->turn = (uint16_t)((mux->turn + 1u) % high);
}

int firma_mux_turn(struct firma_mux *mux, struct pollfd *mine, size_t count, int timeout_ms,
                   struct firma_error *err)
{
    settle(mux);
    size_t high = mux->high;
    nfds_t used = gather(mux, mine, count);
    int result = poll(mux->polled, used, timeout_ms);
    if (result < 0 && errno != EINTR)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "poll");
    report(mux, mine, count, result > 0);
    if (result <= 0)
        return mux->gone ? 0 : 1;
    /* Descriptors are served before the peer is heard: it could close and reuse their numbers. */
    serve(mux, high);
    settle(mux);
    result = write_channel(mux, err);
    if (result == 1 && mux->polled[0].revents != 0)
        result = read_channel(mux, err);
    return result == 1 && mux->gone ? 0 : result;
}

bool firma_mux_is_finished(const struct firma_mux *mux, uint16_t stream)
{
    const struct mux_stream *it = &mux->streams[stream];
    return !it->open || (it->used == 0 && (it->peer_ended || it->out < 0));
}

bool firma_mux_has_ended(const struct firma_mux *mux, uint16_t stream)
{
    const struct mux_stream *it = &mux->streams[stream];
    return !it->open || it->peer_ended || it->out < 0;
}

bool firma_mux_is_sent(const struct firma_mux *mux, uint16_t stream)
{
    const struct mux_stream *it = &mux->streams[stream];
    return !it->open || (it->end_sent && !it->reset_due);
}

bool firma_mux_is_flushed(const struct firma_mux *mux)
{
    return mux->output_used == 0;
}
