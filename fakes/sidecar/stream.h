/*
 * stream.h - a socket with the bytes read ahead of their use.
 *
 * Each connection has a thread of its own, so everything here blocks, within a stated patience.
 */
#ifndef FAKE_STREAM_H
#define FAKE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

enum { FAKE_IDLE_MS = 120000, FAKE_PARTIAL_MS = 5000, FAKE_LINGER_MS = 300 };

struct fake_stream {
    int fd;
    unsigned char *data;
    size_t used;
    size_t size;
};

/* Receives a run of bytes that stays valid for the call only; false stops the transfer. */
typedef bool fake_sink(void *context, const void *data, size_t length);

/* Reads once: the count of new bytes, 0 at the end, -1 on error or when PATIENCE_MS went by. */
int fake_stream_fill(struct fake_stream *stream, int patience_ms);
/* Forgets the first COUNT bytes. */
void fake_stream_drop(struct fake_stream *stream, size_t count);
/* Appends to the read-ahead bytes: a stream without a descriptor is a plain buffer. */
bool fake_stream_append(struct fake_stream *stream, const void *data, size_t length);
/* Closes and frees. Harmless on an empty one (fd -1). */
void fake_stream_close(struct fake_stream *stream);

/* Writes everything or says false. */
bool fake_send(int fd, const void *data, size_t length);
/* Close-on-exec, which a portable accept() and socket() cannot do at birth. Returns FD. */
int fake_cloexec(int fd);

#endif
