#include "report/needle.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/escape.h"
#include "report/scope.h"

/* The escaped raw bytes stand in a JSON string, where each backslash is doubled once more. */
static void fill_escaped(struct cf_needle *needle)
{
    CF_AUTOFREE char *text = cf_escape(needle->raw, sizeof needle->raw);
    char *at = needle->escaped;
    for (const char *from = text; from != NULL && *from != '\0'; from++) {
        if (*from == '\\' || *from == '"')
            *at++ = '\\';
        *at++ = *from;
    }
    *at = '\0';
}

void cf_needle_init(struct cf_needle *needle, const char *nonce)
{
    memset(needle, 0, sizeof *needle);
    if (cf_nonce_bytes(nonce, needle->raw) != 0)
        return;
    needle->set = true;
    memcpy(needle->text, nonce, CF_NONCE_TEXT);
    for (int i = 0; i < CF_NONCE_TEXT - 1; i++)
        needle->backwards[i] = nonce[CF_NONCE_TEXT - 2 - i];
    fill_escaped(needle);
}

static bool holds(const char *bytes, size_t length, const char *word, size_t size)
{
    for (size_t i = 0; i + size <= length; i++)
        if (strncasecmp(bytes + i, word, size) == 0)
            return true;
    return false;
}

bool cf_needle_in_bytes(const struct cf_needle *needle, const void *bytes, size_t length)
{
    if (!needle->set)
        return false;
    return holds(bytes, length, needle->text, CF_NONCE_TEXT - 1) ||
           holds(bytes, length, needle->backwards, CF_NONCE_TEXT - 1) ||
           memmem(bytes, length, needle->raw, sizeof needle->raw) != NULL;
}

bool cf_needle_in_line(const struct cf_needle *needle, const char *line)
{
    if (!needle->set)
        return false;
    return cf_needle_in_bytes(needle, line, strlen(line)) ||
           (needle->escaped[0] != '\0' && strstr(line, needle->escaped) != NULL);
}

static bool continues(char character)
{
    return isalnum((unsigned char)character) || strchr(".-_", character) != NULL;
}

bool cf_needle_word(const char *line, const char *word)
{
    size_t length = strlen(word);
    if (length == 0)
        return false;
    for (const char *at = line; (at = strstr(at, word)) != NULL; at++) {
        bool begins = at == line || !continues(at[-1]);
        if (begins && (at[length] == '\0' || !continues(at[length])))
            return true;
    }
    return false;
}
