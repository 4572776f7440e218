#include "base/escape.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

char *cf_escape(const void *data, size_t length)
{
    const unsigned char *bytes = data;
    char *text = malloc(length * 4 + 1);
    if (text == NULL)
        return NULL;
    char *at = text;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = bytes[i];
        if (byte == '\\') {
            *at++ = '\\';
            *at++ = '\\';
        } else if (byte >= 0x20 && byte < 0x7f) {
            *at++ = (char)byte;
        } else {
            *at++ = '\\';
            *at++ = 'x';
            *at++ = hex_digits[byte >> 4];
            *at++ = hex_digits[byte & 15];
        }
    }
    *at = '\0';
    return text;
}

static int hex_value(char digit)
{
    const char *found = digit == '\0' ? NULL : strchr(hex_digits, digit);
    return found == NULL ? -1 : (int)(found - hex_digits);
}

/* Decodes the escape that follows a backslash; returns the characters consumed, 0 when malformed.
 */
static size_t decode_escape(const char *after, unsigned char *byte)
{
    if (after[0] == '\\') {
        *byte = '\\';
        return 1;
    }
    if (after[0] != 'x' || hex_value(after[1]) < 0 || hex_value(after[2]) < 0)
        return 0;
    *byte = (unsigned char)((unsigned)hex_value(after[1]) << 4 | (unsigned)hex_value(after[2]));
    return 3;
}

unsigned char *cf_unescape(const char *text, size_t *length)
{
    unsigned char *bytes = malloc(strlen(text) + 1);
    if (bytes == NULL)
        return NULL;
    size_t used = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '\\') {
            bytes[used++] = (unsigned char)*at;
            continue;
        }
        size_t taken = decode_escape(at + 1, &bytes[used]);
        if (taken == 0) {
            free(bytes);
            return NULL;
        }
        used++;
        at += taken;
    }
    bytes[used] = '\0';
    *length = used;
    return bytes;
}
