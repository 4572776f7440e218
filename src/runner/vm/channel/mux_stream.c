/*
 * One stream's life. Its two directions end on their own: ours when the local input is at its end
 * and END was sent, theirs when END came and the buffer has drained into the local output. A break
 * on either side ends both, here and there. DONE is each end's last frame about a stream, so that a
 * number is never given to a new connection while a frame about the old one is on its way.
 */
#include "runner/vm/channel/mux_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void mux_stream_begin(struct mux_stream *stream, int in, int out, unsigned flags)
{
    *stream = (struct mux_stream){.open = true, .flags = flags, .in = in, .out = out};
    stream->credit = FIRMA_STREAM_WINDOW;
    stream->end_sent = in < 0;
    stream->peer_ended = out < 0;
}

static bool is_socket(const struct mux_stream *stream)
{
    return (stream->flags & FIRMA_MUX_SOCKET) != 0;
}

static void close_local(struct mux_stream *stream, bool reset)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    int fd = stream->in >= 0 ? stream->in : stream->out;
    if (reset && fd >= 0 && is_socket(stream))
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    if (stream->in >= 0)
        close(stream->in);
    if (stream->out >= 0 && stream->out != stream->in)
        close(stream->out);
    stream->in = stream->out = -1;
}

void mux_stream_clear(struct mux_stream *stream)
{
    if (stream->open)
        close_local(stream, true);
    free(stream->buffer);
    *stream = (struct mux_stream){.in = -1, .out = -1};
}

void mux_stream_break(struct mux_stream *stream, bool tell)
{
    close_local(stream, true);
    stream->used = 0;
    stream->end_due = false;
    stream->end_sent = true;
    stream->flags &= ~(unsigned)FIRMA_MUX_CONNECTING;
    if (tell && !stream->reset_sent)
        stream->reset_due = true;
    else
        stream->peer_ended = true;
}

/* A direction is over; a socket stays open until both are. */
static void end_input(struct mux_stream *stream)
{
    if (!is_socket(stream))
        close(stream->in);
    else if (stream->out < 0)
        close_local(stream, false);
    stream->in = -1;
    stream->end_due = true;
}

static void end_output(struct mux_stream *stream)
{
    if (stream->out < 0)
        return;
    if (!is_socket(stream))
        close(stream->out);
    else if (stream->in < 0)
        close(stream->out);
    else
        (void)shutdown(stream->out, SHUT_WR);
    stream->out = -1;
}

short mux_stream_in_events(const struct firma_mux *mux, const struct mux_stream *stream)
{
    bool wanted = stream->in >= 0 && !stream->held && stream->credit > 0 && !mux->gone &&
                  (stream->flags & FIRMA_MUX_CONNECTING) == 0 &&
                  mux_has_room(mux, FIRMA_FRAME_PAYLOAD, false);
    return wanted ? POLLIN : 0;
}

short mux_stream_out_events(const struct mux_stream *stream)
{
    bool connecting = (stream->flags & FIRMA_MUX_CONNECTING) != 0;
    return stream->out >= 0 && (connecting || stream->used > 0) ? POLLOUT : 0;
}

static bool is_lasting(int error)
{
    return error != EAGAIN && error != EWOULDBLOCK && error != EINTR;
}

void mux_stream_read(struct firma_mux *mux, uint16_t number)
{
    struct mux_stream *stream = &mux->streams[number];
    uint8_t bytes[FIRMA_FRAME_PAYLOAD];
    if (mux_stream_in_events(mux, stream) == 0)
        return;
    size_t size = stream->credit < sizeof bytes ? stream->credit : sizeof bytes;
    ssize_t got = read(stream->in, bytes, size);
    /* A terminal whose last user has gone says EIO; everyone reads that as its end. */
    if (got < 0 && is_lasting(errno) && (errno != EIO || is_socket(stream))) {
        mux_stream_break(stream, true);
    } else if (got == 0 || (got < 0 && is_lasting(errno))) {
        end_input(stream);
    } else if (got > 0) {
        stream->credit -= (uint32_t)got;
        mux_put(mux, FIRMA_FRAME_DATA, number, bytes, (size_t)got);
    }
}

static bool has_connected(struct mux_stream *stream)
{
    int error = 0;
    socklen_t length = sizeof error;
    stream->flags &= ~(unsigned)FIRMA_MUX_CONNECTING;
    return getsockopt(stream->out, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

static ssize_t put(const struct mux_stream *stream, size_t size)
{
    const uint8_t *bytes = stream->buffer + stream->start;
    if (is_socket(stream))
        return send(stream->out, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    bool shared = (stream->flags & FIRMA_MUX_SHARED) != 0;
    return write(stream->out, bytes, shared && size > MUX_SHARED_WRITE ? MUX_SHARED_WRITE : size);
}

void mux_stream_write(struct mux_stream *stream)
{
    if ((stream->flags & FIRMA_MUX_CONNECTING) != 0 && !has_connected(stream)) {
        mux_stream_break(stream, true);
        return;
    }
    if (stream->used == 0)
        return;
    uint32_t straight = FIRMA_STREAM_WINDOW - stream->start;
    ssize_t done = put(stream, stream->used < straight ? stream->used : straight);
    if (done < 0) {
        if (is_lasting(errno))
            mux_stream_break(stream, true);
        return;
    }
    stream->start = (stream->start + (uint32_t)done) % FIRMA_STREAM_WINDOW;
    stream->used -= (uint32_t)done;
    stream->owed += (uint32_t)done;
}

bool mux_stream_arrive(struct mux_stream *stream, const uint8_t *bytes, size_t length)
{
    if (stream->reset_due || stream->reset_sent)
        return true; /* sent before the peer knew */
    if (stream->peer_ended || length > FIRMA_STREAM_WINDOW - stream->owed - stream->used)
        return false;
    if (stream->buffer == NULL)
        stream->buffer = malloc(FIRMA_STREAM_WINDOW);
    if (stream->buffer == NULL) {
        mux_stream_break(stream, true);
        return true;
    }
    uint32_t end = (stream->start + stream->used) % FIRMA_STREAM_WINDOW;
    size_t first = FIRMA_STREAM_WINDOW - end < length ? FIRMA_STREAM_WINDOW - end : length;
    memcpy(stream->buffer + end, bytes, first);
    memcpy(stream->buffer, bytes + first, length - first);
    stream->used += (uint32_t)length;
    return true;
}

void mux_stream_peer_end(struct mux_stream *stream)
{
    stream->peer_ended = true;
}

/* Half a window at a time, so that grants do not outnumber what they grant. */
static void grant(struct firma_mux *mux, uint16_t number)
{
    struct mux_stream *stream = &mux->streams[number];
    uint8_t bytes[4];
    if (stream->owed < FIRMA_STREAM_WINDOW / 2 || stream->peer_ended || stream->reset_sent ||
        !mux_has_room(mux, sizeof bytes, false))
        return;
    firma_put32(bytes, stream->owed);
    stream->owed = 0;
    mux_put(mux, FIRMA_FRAME_CREDIT, number, bytes, sizeof bytes);
}

static bool send_due(struct firma_mux *mux, uint16_t number, enum firma_frame_kind kind, bool *due)
{
    if (!*due || !mux_has_room(mux, 0, false))
        return false;
    *due = false;
    mux_put(mux, kind, number, NULL, 0);
    return true;
}

void mux_stream_settle(struct firma_mux *mux, uint16_t number)
{
    struct mux_stream *stream = &mux->streams[number];
    if (!stream->open)
        return;
    grant(mux, number);
    if (stream->peer_ended && stream->used == 0 && (stream->flags & FIRMA_MUX_CONNECTING) == 0)
        end_output(stream);
    if (send_due(mux, number, FIRMA_FRAME_RESET, &stream->reset_due))
        stream->reset_sent = true;
    if (send_due(mux, number, FIRMA_FRAME_END, &stream->end_due))
        stream->end_sent = true;
    if (number < FIRMA_STREAM_OPENED)
        return;
    bool over = stream->end_sent && !stream->reset_due && stream->out < 0 &&
                (stream->peer_ended || stream->done_received);
    bool due = over && !stream->done_sent;
    if (send_due(mux, number, FIRMA_FRAME_DONE, &due))
        stream->done_sent = true;
    if (stream->done_sent && stream->done_received) {
        mux_stream_clear(stream);
        mux->connections--;
    }
}
