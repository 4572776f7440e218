/*
 * http_head.h - the head of an HTTP/1 message: start line and fields, as slices of one buffer.
 *
 * Theory of operation. A head is first found, then read. firma_http_find_head() looks for the
 * empty line and, on the way, refuses what no head may hold: a line feed without its carriage
 * return, a carriage return without its line feed, NUL and other controls. It remembers how far it
 * looked, so that a slow sender costs one pass, not one pass per byte. Only a complete head is
 * parsed, so the parsers never meet a half line.
 *
 * The grammar is RFC 9112 without its leniencies: nothing a tolerant reader behind us might take
 * for something else is let through (one space between the parts of the start line, no folded
 * lines, no space before the colon, no empty line before the start line). Pure functions, no I/O.
 */
#ifndef FIRMA_HTTP_HEAD_H
#define FIRMA_HTTP_HEAD_H

#include "launcher/http_text.h"

enum {
    HTTP_HEAD_BYTES = 64 * 1024, /* start line, fields and the empty line */
    HTTP_HEAD_FIELDS = 128,
};

struct http_field {
    struct http_text name;
    struct http_text value; /* trimmed */
};

struct http_head {
    struct http_text method; /* requests */
    struct http_text target;
    int status; /* responses */
    struct http_text reason;
    int minor; /* of HTTP/1.x: 0 or 1 */
    size_t field_count;
    struct http_field fields[HTTP_HEAD_FIELDS];
};

/* Why a message is refused: the status to answer with, and a phrase for log and tests. A literal,
 * never the peer's bytes. */
struct http_refusal {
    int status;
    const char *reason;
};

/* The size of the complete head at the start of DATA, 0 while it is incomplete, -1 (with WHY) when
 * it can never become one. *SCANNED starts at 0 and belongs to this function until then. */
ptrdiff_t firma_http_find_head(struct http_text data, size_t *scanned, struct http_refusal *why);

/* Parse the complete head in DATA into HEAD, whose slices point into DATA. False with WHY. */
bool firma_http_parse_request(struct http_head *head, struct http_text data,
                              struct http_refusal *why);
bool firma_http_parse_response(struct http_head *head, struct http_text data,
                               struct http_refusal *why);

/* The value of the first field called NAME (any case), or NULL; *COUNT gets how many there are. */
const struct http_text *firma_http_field(const struct http_head *head, const char *name,
                                         size_t *count);

/* Sets WHY and returns false. */
bool firma_http_refuse(struct http_refusal *why, int status, const char *reason);

#endif
