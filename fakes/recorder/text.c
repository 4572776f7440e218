#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

json_t *fake_text(const char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    char *text = bytes == NULL ? NULL : malloc(4 * length + 1);
    if (text == NULL)
        return json_null();
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
            text[used++] = (char)byte;
            continue;
        }
        text[used++] = '\\';
        text[used++] = 'x';
        text[used++] = digits[byte >> 4];
        text[used++] = digits[byte & 15];
    }
    json_t *value = json_stringn(text, used);
    free(text);
    return value;
}

json_t *fake_string(const char *string)
{
    return fake_text(string, string == NULL ? 0 : strlen(string));
}

json_t *fake_file(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char *bytes = fd < 0 ? NULL : malloc(FILE_MAX);
    size_t used = 0;
    ssize_t got = bytes == NULL ? -1 : 1;
    while (got > 0 && used < FILE_MAX) {
        got = read(fd, bytes + used, FILE_MAX - used);
        used += got > 0 ? (size_t)got : 0;
    }
    json_t *value = got < 0 ? json_null() : fake_text(bytes, used);
    free(bytes);
    if (fd >= 0)
        close(fd);
    return value;
}
