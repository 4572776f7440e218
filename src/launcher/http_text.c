#include "launcher/http_text.h"

#include <string.h>

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool firma_http_is_tchar(unsigned char c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool firma_http_is_value(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

bool firma_http_is_token(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!firma_http_is_tchar((unsigned char)text.at[i]))
            return false;
    return text.length > 0;
}

bool firma_http_is(struct http_text text, const char *literal)
{
    return text.length == strlen(literal) && memcmp(text.at, literal, text.length) == 0;
}

bool firma_http_same_nocase(struct http_text a, struct http_text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

/* Most comparisons end at the first byte: the literal's length is not asked for. */
bool firma_http_is_nocase(struct http_text text, const char *literal)
{
    for (size_t i = 0; i < text.length; i++)
        if (literal[i] == '\0' || lower(text.at[i]) != lower(literal[i]))
            return false;
    return literal[text.length] == '\0';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

struct http_text firma_http_trim(struct http_text text)
{
    while (text.length > 0 && is_space(text.at[0])) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && is_space(text.at[text.length - 1]))
        text.length--;
    return text;
}

bool firma_http_next_element(struct http_text *list, struct http_text *element)
{
    while (list->length > 0) {
        const char *comma = memchr(list->at, ',', list->length);
        size_t length = comma == NULL ? list->length : (size_t)(comma - list->at);
        size_t used = comma == NULL ? length : length + 1;
        *element = firma_http_trim((struct http_text){list->at, length});
        list->at += used;
        list->length -= used;
        if (element->length > 0)
            return true;
    }
    return false;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (lower(c) >= 'a' && lower(c) <= 'f')
        return lower(c) - 'a' + 10;
    return -1;
}

bool firma_http_number(struct http_text text, unsigned base, size_t max_digits, uint64_t *value)
{
    if (text.length == 0 || text.length > max_digits)
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < text.length; i++) {
        int digit = digit_value(text.at[i]);
        if (digit < 0 || (unsigned)digit >= base)
            return false;
        sum = sum * base + (unsigned)digit;
    }
    *value = sum;
    return true;
}
