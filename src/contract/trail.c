#include "contract/trail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_KEY_BYTES = 96 };

static void append(struct firma_trail *trail, char byte)
{
    if (trail->length + 1 < sizeof trail->text)
        trail->text[trail->length++] = byte;
    trail->text[trail->length] = '\0';
}

size_t firma_trail_key(struct firma_trail *trail, const char *key, size_t length)
{
    size_t mark = trail->length;
    if (mark > 0)
        append(trail, '.');
    for (size_t i = 0; i < length && i < SHOWN_KEY_BYTES; i++)
        append(trail, key[i] > ' ' && key[i] < 0x7f ? key[i] : '?');
    for (int dots = 0; length > SHOWN_KEY_BYTES && dots < 3; dots++)
        append(trail, '.');
    return mark;
}

size_t firma_trail_index(struct firma_trail *trail, size_t index)
{
    size_t mark = trail->length;
    char text[32];
    snprintf(text, sizeof text, "[%zu]", index);
    for (const char *byte = text; *byte != '\0'; byte++)
        append(trail, *byte);
    return mark;
}

void firma_trail_pop(struct firma_trail *trail, size_t mark)
{
    trail->length = mark;
    trail->text[mark] = '\0';
}

int firma_trail_refuse(const struct firma_trail *trail, const char *format, ...)
{
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return firma_fail(trail->err, FIRMA_E_CONTRACT, 0, "%s: %s",
                      trail->length > 0 ? trail->text : "contract", message);
}
