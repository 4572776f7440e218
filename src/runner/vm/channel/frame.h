/*
 * frame.h - the words of the one channel between the host's runner and the guest's init.
 *
 * A byte stream carries frames: kind (1 byte), zero (1), stream (2), length (4), then `length`
 * bytes; numbers are little-endian. Encoder and decoder are pure, and both ends use the same. The
 * decoder trusts nothing: a frame that is not exactly as its kind must be is malformed, and the end
 * that finds one gives the other up.
 *
 *     WORD      stream 0: a word and a signed value         (enum firma_vm_word)
 *     TEXT      stream 0: one line for the person who reads the failure that follows
 *     OPEN      a guest's client wants the host's service   (1 byte, enum firma_vm_service)
 *     DATA      bytes of a stream; never more than the receiver has granted
 *     CREDIT    the receiver grants so many bytes more
 *     END       the sender's last byte has been sent; the other direction goes on
 *     RESET     the stream broke: nothing more goes either way
 *     DONE      the sender will never again mention this stream; after both, its number is free
 *     DATAGRAM  one datagram of flow `stream`; may be lost
 */
#ifndef FIRMA_VM_FRAME_H
#define FIRMA_VM_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum firma_frame_kind {
    FIRMA_FRAME_WORD = 1,
    FIRMA_FRAME_TEXT,
    FIRMA_FRAME_OPEN,
    FIRMA_FRAME_DATA,
    FIRMA_FRAME_CREDIT,
    FIRMA_FRAME_END,
    FIRMA_FRAME_RESET,
    FIRMA_FRAME_DONE,
    FIRMA_FRAME_DATAGRAM
};

enum {
    FIRMA_FRAME_HEADER = 8,
    FIRMA_FRAME_PAYLOAD = 16 * 1024, /* of one frame, at most */
    FIRMA_FRAME_MAX = FIRMA_FRAME_HEADER + FIRMA_FRAME_PAYLOAD,
    FIRMA_FRAME_TEXT_MAX = 1023
};

/* The streams that exist from the start, and those a guest opens. */
enum {
    FIRMA_STREAM_BLOCK = 1, /* host to guest: the launch block (block.h) */
    FIRMA_STREAM_STDIN,
    FIRMA_STREAM_STDOUT,
    FIRMA_STREAM_STDERR,
    FIRMA_STREAM_TERMINAL, /* both ways; for the standard descriptors that are one */
    FIRMA_STREAM_OPENED = 16,
    FIRMA_STREAM_CONNECTIONS = 512, /* at once; more wait in the guest's listeners */
    FIRMA_STREAM_COUNT = FIRMA_STREAM_OPENED + FIRMA_STREAM_CONNECTIONS,
    FIRMA_STREAM_WINDOW = 128 * 1024, /* bytes granted to the sender when a stream begins */
    FIRMA_FLOW_COUNT = 64             /* of datagrams */
};

enum firma_vm_service { FIRMA_SERVICE_PROXY = 1, FIRMA_SERVICE_DNS };

enum firma_vm_word {
    /* guest to host */
    FIRMA_WORD_HELLO = 1, /* value: FIRMA_VM_PROTOCOL */
    FIRMA_WORD_READY,     /* built, nothing runs yet */
    FIRMA_WORD_FAILED,    /* value: an enum firma_error_code; a TEXT came before */
    FIRMA_WORD_STOPPED,
    FIRMA_WORD_CONTINUED,
    FIRMA_WORD_ENDED, /* value: the command's wait status, normalised by firma_vm_status() */
    /* host to guest */
    FIRMA_WORD_GO,
    FIRMA_WORD_SIGNAL,  /* value: Linux' number */
    FIRMA_WORD_WINDOW,  /* value: rows << 16 | columns */
    FIRMA_WORD_TERMINAL /* value: what the guest's does in place of the caller's (terminal_linux.h)
                         */
};

enum { FIRMA_VM_PROTOCOL = 1 };

/* One frame as the decoder found it; `bytes` points into the decoder's input. */
struct firma_frame {
    enum firma_frame_kind kind;
    uint16_t stream;
    const uint8_t *bytes;
    size_t length;
};

/* Looks at SIZE bytes. Returns the length of the frame they begin with, 0 if it is not complete
 * yet, -1 if no completion could make it a frame. */
int firma_frame_decode(const uint8_t *bytes, size_t size, struct firma_frame *out);

/* Writes FRAME to OUT, which has room for FIRMA_FRAME_HEADER + FRAME->length bytes; returns how
 * many were written. The frame must be one that firma_frame_decode() accepts. */
size_t firma_frame_encode(const struct firma_frame *frame, uint8_t *out);

/* Little-endian numbers in byte strings. */
void firma_put32(uint8_t *out, uint32_t value);
uint32_t firma_get32(const uint8_t *bytes);

#endif
