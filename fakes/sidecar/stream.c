#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool reserve(struct fake_stream *stream, size_t more)
{
    if (stream->size - stream->used >= more)
        return true;
    size_t size = stream->size == 0 ? 16384 : stream->size;
    while (size - stream->used < more)
        size *= 2;
    unsigned char *data = realloc(stream->data, size);
    if (data == NULL)
        return false;
    stream->data = data;
    stream->size = size;
    return true;
}

int fake_stream_fill(struct fake_stream *stream, int patience_ms)
{
    struct pollfd wait = {.fd = stream->fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&wait, 1, patience_ms);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0 || !reserve(stream, 16384))
        return -1;
    ssize_t got = read(stream->fd, stream->data + stream->used, stream->size - stream->used);
    if (got > 0)
        stream->used += (size_t)got;
    return got < 0 ? -1 : (int)got;
}

void fake_stream_drop(struct fake_stream *stream, size_t count)
{
    stream->used -= count;
    if (stream->used > 0)
        memmove(stream->data, stream->data + count, stream->used);
}

bool fake_stream_append(struct fake_stream *stream, const void *data, size_t length)
{
    if (!reserve(stream, length))
        return false;
    if (length > 0)
        memcpy(stream->data + stream->used, data, length);
    stream->used += length;
    return true;
}

void fake_stream_close(struct fake_stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->data);
    *stream = (struct fake_stream){.fd = -1};
}

bool fake_send(int fd, const void *data, size_t length)
{
    const char *at = data;
    while (length > 0) {
        ssize_t sent = send(fd, at, length, 0);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

int fake_cloexec(int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}
