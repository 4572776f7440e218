/* mux_private.h - what mux.c, mux_stream.c and mux_frames.c share. */
#ifndef FIRMA_VM_MUX_PRIVATE_H
#define FIRMA_VM_MUX_PRIVATE_H

#include "runner/vm/channel/mux.h"

enum {
    MUX_OUTPUT = 256 * 1024,
    MUX_RESERVE = 16 * 1024, /* of it, kept for words */
    MUX_INPUT = 4 * FIRMA_FRAME_MAX,
    MUX_SHARED_WRITE = 4096 /* what poll(2) promises of a pipe it calls writable: PIPE_BUF */
};

struct mux_stream {
    bool open;
    bool held;
    unsigned flags;
    int in;          /* local, to the peer; -1 once it is at its end */
    int out;         /* local, from the peer; -1 once shut */
    uint32_t credit; /* bytes the peer lets us send */
    uint32_t owed;   /* bytes taken from the buffer and not yet granted anew */
    uint8_t *buffer; /* FIRMA_STREAM_WINDOW bytes, from the first arrival on */
    uint32_t start, used;
    bool end_due, end_sent; /* our direction */
    bool peer_ended;        /* theirs */
    bool reset_due, reset_sent;
    bool done_sent, done_received;
};

struct firma_mux {
    int channel;
    struct firma_mux_events events;
    struct mux_stream streams[FIRMA_STREAM_COUNT];
    size_t connections;
    uint16_t next; /* where the search for a free number goes on */
    uint16_t turn; /* whose turn it is to read */
    size_t high;   /* no stream from here on was ever open */
    bool gone;     /* the peer has hung up */
    const uint8_t *block;
    size_t block_left;
    bool block_due; /* its end has not been sent */
    bool block_begun;
    uint32_t block_credit;
    uint32_t block_owed;
    uint8_t input[MUX_INPUT];
    size_t input_used;
    uint8_t output[MUX_OUTPUT];
    size_t output_start, output_used;
    struct pollfd polled[2 * FIRMA_STREAM_COUNT + FIRMA_FLOW_COUNT + 32];
    struct mux_place {
        nfds_t in, out; /* in `polled`; 0: not there */
    } places[FIRMA_STREAM_COUNT];
};

/* mux.c */
/* Room for a frame with PAYLOAD bytes; RESERVED frames may use the reserve. */
bool mux_has_room(const struct firma_mux *mux, size_t payload, bool reserved);
void mux_put(struct firma_mux *mux, enum firma_frame_kind kind, uint16_t stream, const void *bytes,
             size_t length);

/* mux_stream.c */
void mux_stream_begin(struct mux_stream *stream, int in, int out, unsigned flags);
/* What poll(2) shall watch for. */
short mux_stream_in_events(const struct firma_mux *mux, const struct mux_stream *stream);
short mux_stream_out_events(const struct mux_stream *stream);
void mux_stream_read(struct firma_mux *mux, uint16_t number);
void mux_stream_write(struct mux_stream *stream);
/* Appends DATA to the stream's buffer. False if it was not granted. */
bool mux_stream_arrive(struct mux_stream *stream, const uint8_t *bytes, size_t length);
void mux_stream_peer_end(struct mux_stream *stream);
/* Gives both directions up; TELL: the peer does not know yet. */
void mux_stream_break(struct mux_stream *stream, bool tell);
/* Sends the frames that are due, and frees the stream when both ends are done with it. */
void mux_stream_settle(struct firma_mux *mux, uint16_t number);
void mux_stream_clear(struct mux_stream *stream);

/* mux_frames.c */
/* Obeys one frame of the peer's. Returns what was wrong with it, or NULL. */
const char *mux_obey(struct firma_mux *mux, const struct firma_frame *frame);

#endif
