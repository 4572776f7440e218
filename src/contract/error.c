#include "firma_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *firma_error_name(int code)
{
    switch (code) {
#define X(name, value, word, meaning)                                                              \
    case name:                                                                                     \
        return word;
        FIRMA_ERRORS(X)
#undef X
    }
    return "unknown";
}

/* A message may quote what somebody else wrote: it stays one line and tells a terminal nothing. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

int firma_fail(struct firma_error *err, int code, int errnum, const char *format, ...)
{
    if (err == NULL)
        return -code;
    err->code = code;
    err->errnum = errnum;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    if (errnum != 0)
        snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(errnum));
    make_printable(err->text);
    return -code;
}

int firma_wrap(struct firma_error *err, const char *format, ...)
{
    if (err == NULL)
        return -FIRMA_E_SYSTEM;
    char inner[sizeof err->text];
    memcpy(inner, err->text, sizeof inner);
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", inner);
    make_printable(err->text);
    return -err->code;
}
