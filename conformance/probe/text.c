#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void probe_put(struct probe_text *text, const char *format, ...)
{
    size_t room = sizeof text->data - text->used;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text->data + text->used, room, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= room) {
        text->cut = true;
        text->data[text->used] = '\0';
    } else {
        text->used += (size_t)length;
    }
}

void probe_put_string(struct probe_text *text, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    probe_put(text, "\"");
    for (size_t i = 0; i < length && sizeof text->data - text->used > 64; i++) {
        if (bytes[i] == '\\')
            probe_put(text, "\\\\\\\\");
        else if (bytes[i] == '"')
            probe_put(text, "\\\"");
        else if (bytes[i] >= 0x20 && bytes[i] < 0x7f)
            probe_put(text, "%c", bytes[i]);
        else
            probe_put(text, "\\\\x%02x", bytes[i]);
    }
    probe_put(text, "\"");
}

void probe_put_word(struct probe_text *text, const char *word)
{
    if (word == NULL)
        probe_put(text, "null");
    else
        probe_put_string(text, word, strlen(word));
}

const char *probe_errno_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
#define NAME(e) {e, #e}
        NAME(EPERM),        NAME(ENOENT),       NAME(ESRCH),         NAME(EINTR),
        NAME(EIO),          NAME(ENXIO),        NAME(E2BIG),         NAME(ENOEXEC),
        NAME(EBADF),        NAME(ECHILD),       NAME(EAGAIN),        NAME(ENOMEM),
        NAME(EACCES),       NAME(EFAULT),       NAME(EBUSY),         NAME(EEXIST),
        NAME(EXDEV),        NAME(ENODEV),       NAME(ENOTDIR),       NAME(EISDIR),
        NAME(EINVAL),       NAME(ENFILE),       NAME(EMFILE),        NAME(ENOTTY),
        NAME(ETXTBSY),      NAME(EFBIG),        NAME(ENOSPC),        NAME(EROFS),
        NAME(EPIPE),        NAME(EDOM),         NAME(ERANGE),        NAME(ELOOP),
        NAME(ENAMETOOLONG), NAME(ENOSYS),       NAME(ENOTEMPTY),     NAME(EPROTO),
        NAME(EMSGSIZE),     NAME(ENOTSOCK),     NAME(EDESTADDRREQ),  NAME(EPROTOTYPE),
        NAME(ENOPROTOOPT),  NAME(EOPNOTSUPP),   NAME(EAFNOSUPPORT),  NAME(EPROTONOSUPPORT),
        NAME(EADDRINUSE),   NAME(ENETDOWN),     NAME(EADDRNOTAVAIL), NAME(ENETUNREACH),
        NAME(ENETRESET),    NAME(ECONNABORTED), NAME(ECONNRESET),    NAME(ENOBUFS),
        NAME(EISCONN),      NAME(ENOTCONN),     NAME(ETIMEDOUT),     NAME(ECONNREFUSED),
        NAME(EHOSTUNREACH), NAME(EALREADY),     NAME(EINPROGRESS),   NAME(ESOCKTNOSUPPORT),
        NAME(EPFNOSUPPORT), NAME(ESTALE),       NAME(ECANCELED),     NAME(EOVERFLOW),
#undef NAME
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number == number)
            return names[i].name;
    }
    return number == 0 ? NULL : "EOTHER";
}

uint64_t probe_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool probe_is_hex(const char *text, size_t length)
{
    return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

bool probe_number(const char *text, long low, long high, long *out)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text) || errno != 0 || value < low ||
        value > high)
        return false;
    *out = value;
    return true;
}

bool probe_write(int fd, const void *data, size_t length)
{
    const char *at = data;
    while (length > 0) {
        ssize_t put = write(fd, at, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        length -= (size_t)put;
    }
    return true;
}
