/* What a frame of the peer's does, and which frames are none of its business. */
#include "runner/vm/channel/mux_private.h"

static const char *obey_word(struct firma_mux *mux, const struct firma_frame *frame)
{
    uint32_t word = firma_get32(frame->bytes);
    int32_t value = (int32_t)firma_get32(frame->bytes + 4);
    bool ok = mux->events.word != NULL && mux->events.word(mux->events.context, word, value);
    return ok ? NULL : "an unexpected word";
}

static const char *obey_text(struct firma_mux *mux, const struct firma_frame *frame)
{
    bool ok = mux->events.text != NULL &&
              mux->events.text(mux->events.context, frame->bytes, frame->length);
    return ok ? NULL : "an unexpected text";
}

static const char *obey_datagram(struct firma_mux *mux, const struct firma_frame *frame)
{
    bool ok = mux->events.datagram != NULL &&
              mux->events.datagram(mux->events.context, frame->stream, frame->bytes, frame->length);
    return ok ? NULL : "an unexpected datagram";
}

static const char *obey_open(struct firma_mux *mux, const struct firma_frame *frame)
{
    struct mux_stream *stream = &mux->streams[frame->stream];
    uint8_t service = frame->bytes[0];
    if (mux->events.opened == NULL || stream->open ||
        (service != FIRMA_SERVICE_PROXY && service != FIRMA_SERVICE_DNS))
        return "a stream that it may not open";
    int fd = mux->events.opened(mux->events.context, service);
    mux_stream_begin(stream, fd, fd, FIRMA_MUX_SOCKET | FIRMA_MUX_CONNECTING);
    mux->connections++;
    if (frame->stream >= mux->high)
        mux->high = frame->stream + 1u;
    if (fd < 0) {
        stream->peer_ended = false;
        mux_stream_break(stream, true);
    }
    return NULL;
}

/* The launch block has no descriptors behind it: bytes go to the callback as they come. Its reader
 * may well grant more for bytes that were the last ones. */
static const char *obey_block(struct firma_mux *mux, const struct firma_frame *frame)
{
    if (frame->kind == FIRMA_FRAME_CREDIT && mux->block_begun) {
        mux->block_credit += firma_get32(frame->bytes);
        return mux->block_credit <= FIRMA_STREAM_WINDOW ? NULL : "more credit than there is";
    }
    if (mux->events.block == NULL ||
        (frame->kind != FIRMA_FRAME_DATA && frame->kind != FIRMA_FRAME_END))
        return "an unexpected launch block";
    mux->block_owed += (uint32_t)frame->length;
    return mux->events.block(mux->events.context, frame->bytes, frame->length)
               ? NULL
               : "a launch block too long";
}

static const char *obey_stream(struct firma_mux *mux, const struct firma_frame *frame)
{
    struct mux_stream *stream = &mux->streams[frame->stream];
    if (!stream->open || stream->done_received)
        return "a stream that is not open";
    switch (frame->kind) {
    case FIRMA_FRAME_DATA:
        return mux_stream_arrive(stream, frame->bytes, frame->length) ? NULL
                                                                      : "more than was granted";
    case FIRMA_FRAME_CREDIT:
        if (firma_get32(frame->bytes) > FIRMA_STREAM_WINDOW - stream->credit)
            return "more credit than there is";
        stream->credit += firma_get32(frame->bytes);
        return NULL;
    case FIRMA_FRAME_END:
        mux_stream_peer_end(stream);
        return NULL;
    case FIRMA_FRAME_RESET:
        mux_stream_break(stream, false);
        stream->reset_due = false;
        stream->peer_ended = true;
        return NULL;
    default:
        break;
    }
    /* DONE: only from a peer that has ended its direction, or was told to give up. */
    if (!stream->peer_ended && !stream->reset_sent)
        return "an end without an end";
    stream->done_received = true;
    mux_stream_settle(mux, frame->stream); /* the very next frame may use the number anew */
    return NULL;
}

const char *mux_obey(struct firma_mux *mux, const struct firma_frame *frame)
{
    const char *wrong;
    switch (frame->kind) {
    case FIRMA_FRAME_WORD:
        return obey_word(mux, frame);
    case FIRMA_FRAME_TEXT:
        return obey_text(mux, frame);
    case FIRMA_FRAME_DATAGRAM:
        return obey_datagram(mux, frame);
    case FIRMA_FRAME_OPEN:
        return obey_open(mux, frame);
    default:
        break;
    }
    if (frame->stream == FIRMA_STREAM_BLOCK)
        return obey_block(mux, frame);
    wrong = obey_stream(mux, frame);
    return wrong;
}
