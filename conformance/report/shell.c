#include "report/shell.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool is_bare(const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "%+,-./:=@_";
    return word[0] != '\0' && word[strspn(word, safe)] == '\0';
}

static bool is_printable(const char *word)
{
    for (const char *at = word; *at != '\0'; at++)
        if (*at < 0x20 || *at > 0x7e)
            return false;
    return true;
}

static void put_quoted(FILE *out, const char *word)
{
    fputc('\'', out);
    for (const char *at = word; *at != '\0'; at++) {
        if (*at == '\'')
            fputs("'\\''", out);
        else
            fputc(*at, out);
    }
    fputc('\'', out);
}

static void put_escaped(FILE *out, const char *word)
{
    fputs("$'", out);
    for (const char *at = word; *at != '\0'; at++) {
        if (*at == '\'' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20 || *at > 0x7e)
            fprintf(out, "\\x%02x", (unsigned char)*at);
        else
            fputc(*at, out);
        /* \xHH takes two digits at most, so a digit that follows is its own character. */
    }
    fputc('\'', out);
}

void cf_shell_put(FILE *out, const char *word)
{
    if (is_bare(word))
        fputs(word, out);
    else if (is_printable(word))
        put_quoted(out, word);
    else
        put_escaped(out, word);
}
