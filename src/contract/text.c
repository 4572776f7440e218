#include "contract/text.h"

#include <string.h>

/* The length in bytes of the well-formed UTF-8 sequence at BYTES, or 0. The NUL that ends the text
 * is no continuation byte, so nothing is read beyond it. Table 3-7 of the Unicode standard. */
static size_t sequence_length(const unsigned char *bytes)
{
    static const struct {
        unsigned char first, last, second_low, second_high;
        size_t length;
    } forms[] = {
        {0x01, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (bytes[0] < forms[i].first || bytes[0] > forms[i].last)
            continue;
        if (forms[i].length > 1 &&
            (bytes[1] < forms[i].second_low || bytes[1] > forms[i].second_high))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((bytes[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

bool firma_text_is_utf8(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    while (*bytes != '\0') {
        size_t length = sequence_length(bytes);
        if (length == 0)
            return false;
        bytes += length;
    }
    return true;
}

bool firma_text_is_blank(const char *text)
{
    return text[strspn(text, " \t\n\v\f\r")] == '\0';
}

bool firma_text_has_control(const char *text)
{
    for (const unsigned char *byte = (const unsigned char *)text; *byte != '\0'; byte++)
        if (*byte < 0x20 || *byte == 0x7f || (byte[0] == 0xc2 && byte[1] < 0xa0))
            return true;
    return false;
}

bool firma_text_is_token(const char *text)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

bool firma_text_is_uuid7(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-7xxx-yxxx-xxxxxxxxxxxx";
    if (strlen(text) != sizeof shape - 1)
        return false;
    for (size_t i = 0; shape[i] != '\0'; i++) {
        const char *set = shape[i] == 'x'   ? "0123456789abcdefABCDEF"
                          : shape[i] == 'y' ? "89abAB"
                          : shape[i] == '7' ? "7"
                                            : "-";
        if (strchr(set, text[i]) == NULL)
            return false;
    }
    return true;
}

bool firma_text_is_normal_path(const char *text)
{
    if (text[0] != '/')
        return false;
    if (text[1] == '\0')
        return true;
    while (*text == '/') {
        text++;
        size_t length = strcspn(text, "/");
        bool dots = (length == 1 && text[0] == '.') || (length == 2 && memcmp(text, "..", 2) == 0);
        if (length == 0 || dots)
            return false;
        text += length;
    }
    return true;
}

uint16_t firma_text_loopback_port(const char *text, const char *prefix)
{
    static const char host[] = "127.0.0.1:";
    size_t length = strlen(prefix);
    if (strncmp(text, prefix, length) != 0 || strncmp(text + length, host, sizeof host - 1) != 0)
        return 0;
    const char *digits = text + length + sizeof host - 1;
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 5 || digits[count] != '\0' || digits[0] == '0')
        return 0;
    unsigned port = 0;
    for (size_t i = 0; i < count; i++)
        port = port * 10 + (unsigned)(digits[i] - '0');
    return port <= 65535 ? (uint16_t)port : 0;
}
