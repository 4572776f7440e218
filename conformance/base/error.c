#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cf_fail(struct cf_error *err, int code, int errnum, const char *format, ...)
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
    return -code;
}

int cf_wrap(struct cf_error *err, const char *format, ...)
{
    if (err == NULL)
        return -CF_E_SYSTEM;
    char inner[sizeof err->text];
    memcpy(inner, err->text, sizeof inner);
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", inner);
    return -err->code;
}
