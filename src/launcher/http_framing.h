/* http_framing.h - how long a message's body is (RFC 9112 section 6), without any guessing. */
#ifndef FIRMA_HTTP_FRAMING_H
#define FIRMA_HTTP_FRAMING_H

#include "launcher/http_head.h"

struct http_framing {
    bool chunked;
    bool has_length;
    uint64_t length;
};

/* Refuses (400) several or odd Content-Length, several or other codings than exactly "chunked",
 * both together, and any coding in HTTP/1.0. */
bool firma_http_read_framing(struct http_framing *out, const struct http_head *head,
                             struct http_refusal *why);

#endif
