/*
 * mux.h - many streams over one channel, the same on the host and in the guest.
 *
 * A stream joins a local descriptor pair to its twin at the other end. What arrives for it waits in
 * its own buffer of one window, and the sender never sends more than was granted, so a stream whose
 * reader sleeps holds up nobody but its own sender. Everything is bounded: streams by their number,
 * buffers by the window, what waits for the channel by one buffer of fixed size. A peer that breaks
 * a rule, however small, is an error of the whole channel: there is no reason to listen to it on.
 *
 * What a guest can make the host hold: 512 connections (a descriptor and one window each, 64 MiB in
 * all), 64 datagram sockets, and 320 KiB of frames. An honest guest leaves the 513th client in its
 * listener's queue until a number is free; one that opens a stream beyond the last number, or a
 * number in use, breaks a rule.
 *
 *     firma_mux_open(&mux, channel, &events, &err);
 *     firma_mux_attach(mux, FIRMA_STREAM_STDOUT, -1, pipe, 0);
 *     while (firma_mux_turn(mux, mine, count, -1, &err) >= 0)
 *         ... look at mine[i].revents ...
 */
#ifndef FIRMA_VM_MUX_H
#define FIRMA_VM_MUX_H

#include <poll.h>
#include <stdbool.h>

#include "firma_run.h"
#include "runner/vm/channel/frame.h"

struct firma_mux;

/* What the peer said, as it is read. `opened` returns a connected or connecting stream socket that
 * becomes the stream's, or -1: the stream is reset. A callback that returns false rejects the
 * frame, which ends the channel. Absent callbacks reject. */
struct firma_mux_events {
    void *context;
    bool (*word)(void *context, uint32_t word, int32_t value);
    bool (*text)(void *context, const uint8_t *bytes, size_t length);
    bool (*block)(void *context, const uint8_t *bytes, size_t length); /* of FIRMA_STREAM_BLOCK */
    bool (*datagram)(void *context, uint16_t flow, const uint8_t *bytes, size_t length);
    int (*opened)(void *context, uint8_t service);
};

enum firma_mux_flag {
    FIRMA_MUX_SOCKET = 1, /* one socket is both descriptors: half-closed, and reset when broken */
    FIRMA_MUX_SHARED = 2, /* the descriptors' blocking mode is not ours to change */
    FIRMA_MUX_CONNECTING = 4 /* the socket is not connected yet */
};

/* CHANNEL (borrowed, non-blocking) is the transport. FIRMA_E_MEMORY. */
int firma_mux_open(struct firma_mux **out, int channel, const struct firma_mux_events *events,
                   struct firma_error *err);
void firma_mux_close(struct firma_mux *mux);

/* Joins one of the fixed STREAMs to local descriptors: what is read from IN goes to the peer, what
 * the peer sends is written to OUT; -1 is a direction that does not exist. Takes ownership. */
void firma_mux_attach(struct firma_mux *mux, uint16_t stream, int in, int out, unsigned flags);

/* While HELD nothing is read from STREAM's local input: not even its end is seen. */
void firma_mux_hold(struct firma_mux *mux, uint16_t stream, bool held);

/* Reads now what can be read of STREAM's local input, so that what is said next comes after it. */
void firma_mux_collect(struct firma_mux *mux, uint16_t stream);
/* True when something of STREAM waits here that could be written at once. */
bool firma_mux_could_write(const struct firma_mux *mux, uint16_t stream);

/* Opens a stream to the peer's SERVICE for SOCKET (taken over). False if there is no room; SOCKET
 * is then still the caller's. firma_mux_may_connect() says so before. */
bool firma_mux_connect(struct firma_mux *mux, enum firma_vm_service service, int socket);
bool firma_mux_may_connect(const struct firma_mux *mux);

/* Says something. False when the peer has let too much pile up, which firma_mux_may_say() tells
 * before. A datagram is lost then. */
bool firma_mux_may_say(const struct firma_mux *mux);
bool firma_mux_say(struct firma_mux *mux, enum firma_vm_word word, int32_t value);
bool firma_mux_say_text(struct firma_mux *mux, const char *text);
void firma_mux_send_datagram(struct firma_mux *mux, uint16_t flow, const void *bytes, size_t size);

/* Sends SIZE BYTES (borrowed until firma_mux_block_sent()) as the launch block, then its end. */
void firma_mux_send_block(struct firma_mux *mux, const uint8_t *bytes, size_t size);

/* Waits at most TIMEOUT_MS for the channel, the streams, or any of the caller's COUNT descriptors,
 * moves what can be moved and runs callbacks. Returns 1, 0 once the peer has hung up (what has come
 * is still moved on, turn by turn), or FIRMA_E_SYSTEM with the rule that was broken. MINE has the
 * caller's revents. */
int firma_mux_turn(struct firma_mux *mux, struct pollfd *mine, size_t count, int timeout_ms,
                   struct firma_error *err);

/* True when nothing of STREAM waits here to be written, and nothing more can come: the peer has
 * sent all it will, or nobody takes it any more. */
bool firma_mux_is_finished(const struct firma_mux *mux, uint16_t stream);
/* True when no more of STREAM can come: all of it is here, or nobody takes it any more. */
bool firma_mux_has_ended(const struct firma_mux *mux, uint16_t stream);
/* True when STREAM's local input is at its end and that has been sent. */
bool firma_mux_is_sent(const struct firma_mux *mux, uint16_t stream);
/* True when everything said has left for the peer. */
bool firma_mux_is_flushed(const struct firma_mux *mux);

#endif
