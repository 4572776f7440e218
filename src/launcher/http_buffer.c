#include "launcher/http_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool firma_http_buffer_open(struct http_buffer *buffer, size_t capacity)
{
    *buffer = (struct http_buffer){.data = malloc(capacity), .capacity = capacity};
    return buffer->data != NULL;
}

void firma_http_buffer_close(struct http_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct http_buffer){0};
}

struct http_text firma_http_buffer_text(const struct http_buffer *buffer)
{
    return (struct http_text){buffer->data + buffer->start, buffer->end - buffer->start};
}

size_t firma_http_buffer_used(const struct http_buffer *buffer)
{
    return buffer->end - buffer->start;
}

void firma_http_buffer_consume(struct http_buffer *buffer, size_t count)
{
    buffer->start += count;
    if (buffer->start == buffer->end)
        firma_http_buffer_clear(buffer);
}

void firma_http_buffer_clear(struct http_buffer *buffer)
{
    buffer->start = buffer->end = 0;
}

void firma_http_buffer_swap(struct http_buffer *one, struct http_buffer *other)
{
    struct http_buffer held = *one;
    *one = *other;
    *other = held;
}

size_t firma_http_buffer_room(struct http_buffer *buffer, char **at)
{
    if (buffer->start > 0) {
        size_t used = firma_http_buffer_used(buffer);
        memmove(buffer->data, buffer->data + buffer->start, used);
        buffer->start = 0;
        buffer->end = used;
    }
    *at = buffer->data + buffer->end;
    return buffer->capacity - buffer->end;
}

void firma_http_buffer_grow(struct http_buffer *buffer, size_t count)
{
    buffer->end += count;
}

bool firma_http_buffer_add(struct http_buffer *buffer, struct http_text text)
{
    char *at;
    if (firma_http_buffer_room(buffer, &at) < text.length)
        return false;
    if (text.length > 0)
        memcpy(at, text.at, text.length);
    firma_http_buffer_grow(buffer, text.length);
    return true;
}

bool firma_http_buffer_format(struct http_buffer *buffer, const char *format, ...)
{
    char *at;
    size_t room = firma_http_buffer_room(buffer, &at);
    va_list args;
    va_start(args, format);
    int length = vsnprintf(at, room, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= room) /* its NUL must fit too */
        return false;
    firma_http_buffer_grow(buffer, (size_t)length);
    return true;
}
