/* http_buffer.h - a bounded first-in first-out run of bytes. */
#ifndef FIRMA_HTTP_BUFFER_H
#define FIRMA_HTTP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/http_text.h"

struct http_buffer {
    char *data; /* owned */
    size_t capacity;
    size_t start; /* first byte not yet consumed */
    size_t end;
};

/* An empty buffer of CAPACITY bytes; false when memory is short. */
bool firma_http_buffer_open(struct http_buffer *buffer, size_t capacity);
void firma_http_buffer_close(struct http_buffer *buffer);

/* What is in it. */
struct http_text firma_http_buffer_text(const struct http_buffer *buffer);
size_t firma_http_buffer_used(const struct http_buffer *buffer);
void firma_http_buffer_consume(struct http_buffer *buffer, size_t count);
void firma_http_buffer_clear(struct http_buffer *buffer);

void firma_http_buffer_swap(struct http_buffer *one, struct http_buffer *other);

/* The free bytes: as many as capacity - used, in one piece (older bytes are moved down). */
size_t firma_http_buffer_room(struct http_buffer *buffer, char **at);
/* Counts bytes that were written at firma_http_buffer_room()'s AT. */
void firma_http_buffer_grow(struct http_buffer *buffer, size_t count);
/* Appends all of it or nothing. */
bool firma_http_buffer_add(struct http_buffer *buffer, struct http_text text);
bool firma_http_buffer_format(struct http_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
