#include "runner/vm/channel/frame.h"

#include <stdbool.h>
#include <string.h>

/* What a frame of each kind must look like. */
static const struct {
    uint16_t stream_min, stream_max;
    uint32_t length_min, length_max;
} shapes[] = {
    [FIRMA_FRAME_WORD] = {0, 0, 8, 8},
    [FIRMA_FRAME_TEXT] = {0, 0, 1, FIRMA_FRAME_TEXT_MAX},
    [FIRMA_FRAME_OPEN] = {FIRMA_STREAM_OPENED, FIRMA_STREAM_COUNT - 1, 1, 1},
    [FIRMA_FRAME_DATA] = {1, FIRMA_STREAM_COUNT - 1, 1, FIRMA_FRAME_PAYLOAD},
    [FIRMA_FRAME_CREDIT] = {1, FIRMA_STREAM_COUNT - 1, 4, 4},
    [FIRMA_FRAME_END] = {1, FIRMA_STREAM_COUNT - 1, 0, 0},
    [FIRMA_FRAME_RESET] = {1, FIRMA_STREAM_COUNT - 1, 0, 0},
    [FIRMA_FRAME_DONE] = {FIRMA_STREAM_OPENED, FIRMA_STREAM_COUNT - 1, 0, 0},
    [FIRMA_FRAME_DATAGRAM] = {0, FIRMA_FLOW_COUNT - 1, 0, FIRMA_FRAME_PAYLOAD},
};

void firma_put32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

uint32_t firma_get32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static bool is_shaped(uint8_t kind, uint8_t zero, uint16_t stream, uint32_t length)
{
    if (kind < FIRMA_FRAME_WORD || kind > FIRMA_FRAME_DATAGRAM || zero != 0)
        return false;
    return stream >= shapes[kind].stream_min && stream <= shapes[kind].stream_max &&
           length >= shapes[kind].length_min && length <= shapes[kind].length_max;
}

/* A credit of nothing, or of more than a whole window, grants something else than it says. */
static bool is_sane(const struct firma_frame *frame)
{
    if (frame->kind != FIRMA_FRAME_CREDIT)
        return true;
    uint32_t grant = firma_get32(frame->bytes);
    return grant > 0 && grant <= FIRMA_STREAM_WINDOW;
}

int firma_frame_decode(const uint8_t *bytes, size_t size, struct firma_frame *out)
{
    if (size < FIRMA_FRAME_HEADER)
        return 0;
    uint16_t stream = (uint16_t)(bytes[2] | bytes[3] << 8);
    uint32_t length = firma_get32(bytes + 4);
    if (!is_shaped(bytes[0], bytes[1], stream, length))
        return -1;
    if (size < FIRMA_FRAME_HEADER + (size_t)length)
        return 0;
    *out = (struct firma_frame){(enum firma_frame_kind)bytes[0], stream, bytes + FIRMA_FRAME_HEADER,
                                length};
    return is_sane(out) ? FIRMA_FRAME_HEADER + (int)length : -1;
}

size_t firma_frame_encode(const struct firma_frame *frame, uint8_t *out)
{
    out[0] = (uint8_t)frame->kind;
    out[1] = 0;
    out[2] = (uint8_t)frame->stream;
    out[3] = (uint8_t)(frame->stream >> 8);
    firma_put32(out + 4, (uint32_t)frame->length);
    if (frame->length > 0)
        memmove(out + FIRMA_FRAME_HEADER, frame->bytes, frame->length);
    return FIRMA_FRAME_HEADER + frame->length;
}
