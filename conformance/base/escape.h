/*
 * escape.h - bytes as printable ASCII, so that whatever a guest sends can stand in evidence.
 *
 * Printable ASCII stands for itself, a backslash is doubled, every other byte is \xHH. The result
 * is valid in JSON, XML (after entity escaping) and on a terminal.
 */
#ifndef CF_ESCAPE_H
#define CF_ESCAPE_H

#include <stddef.h>

/* A new NUL-terminated string, the caller's to free; NULL when memory is short. */
char *cf_escape(const void *data, size_t length);
/* The inverse: a new buffer of *LENGTH bytes (NUL added beyond), the caller's to free; NULL when
 * TEXT is not an escaped string or memory is short. */
unsigned char *cf_unescape(const char *text, size_t *length);

#endif
