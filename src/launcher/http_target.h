/* http_target.h - what a proxy may be asked for (RFC 9112 section 3.2). */
#ifndef FIRMA_HTTP_TARGET_H
#define FIRMA_HTTP_TARGET_H

#include "launcher/http_head.h"

enum http_form {
    HTTP_FORM_ABSOLUTE,  /* http://host[:port][/path][?query], or https */
    HTTP_FORM_AUTHORITY, /* host:port, with CONNECT */
    HTTP_FORM_ASTERISK,  /* *, with OPTIONS */
};

struct http_target {
    enum http_form form;
    struct http_text authority; /* host[:port], a slice of the target; empty for the asterisk */
};

/* Refuses (400) every other form, user information, fragments, odd hosts and ports. */
bool firma_http_read_target(struct http_target *out, struct http_text method,
                            struct http_text target, struct http_refusal *why);
/* A host (name or IPv4: letters, digits, `.-_`; IPv6 in brackets) and, as NEEDS_PORT says, maybe or
 * certainly a port from 1 to 65535. */
bool firma_http_is_authority(struct http_text text, bool needs_port);

#endif
