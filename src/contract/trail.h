/*
 * trail.h - the path of the field being judged ("command.args[3]"), for messages.
 *
 * Keys that come out of a file are shown as printable ASCII only and cut when long: a message is
 * one line, whatever the file holds.
 */
#ifndef FIRMA_TRAIL_H
#define FIRMA_TRAIL_H

#include <stddef.h>

#include "firma_run.h"

struct firma_trail {
    struct firma_error *err; /* borrowed; may be NULL */
    size_t length;
    char text[512];
};

/* Both return the mark to give to firma_trail_pop(). */
size_t firma_trail_key(struct firma_trail *trail, const char *key, size_t length);
size_t firma_trail_index(struct firma_trail *trail, size_t index);
void firma_trail_pop(struct firma_trail *trail, size_t mark);

/* Refuses the field the trail stands at: FIRMA_E_CONTRACT, "field: MESSAGE". */
int firma_trail_refuse(const struct firma_trail *trail, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
