#include "stream.h"

#include <string.h>

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

size_t stream_from_hex(char *text)
{
    size_t length = strcspn(text, "\n");
    if (length % 2 != 0)
        return SIZE_MAX;
    for (size_t i = 0; i < length; i += 2) {
        int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0)
            return SIZE_MAX;
        text[i / 2] = (char)(high * 16 + low);
    }
    return length / 2;
}

void stream_print_hex(FILE *out, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    if (size == 0)
        fputc('-', out);
    for (size_t i = 0; i < size; i++)
        fprintf(out, "%02x", bytes[i]);
}
