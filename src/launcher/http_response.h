/* http_response.h - the sidecar's answer: how it is framed, and how it is put to the guest. */
#ifndef FIRMA_HTTP_RESPONSE_H
#define FIRMA_HTTP_RESPONSE_H

#include "launcher/http_body.h"
#include "launcher/http_request.h"

/* The request an answer belongs to, as far as the answer depends on it. */
struct http_asked {
    bool is_connect;
    bool is_head;
    bool keep_alive;
    int minor; /* of the guest's HTTP version */
};

struct http_response {
    struct http_head head;
    struct http_framing framing; /* as its fields say */
    bool interim;                /* 1xx: another answer follows */
    bool opens_tunnel;
    bool last;     /* the guest's connection ends after it */
    bool persists; /* the sidecar's does not */
    struct http_body body;
};

/* Reads the complete head in DATA; slices point into DATA. A 101, and whatever else cannot be
 * framed beyond doubt, is refused with 502. */
bool firma_http_read_response(struct http_response *out, struct http_text data,
                              const struct http_asked *asked, struct http_refusal *why);
/* Appends the head for the guest to OUT; false when it does not fit. */
bool firma_http_write_response(const struct http_response *response, struct http_buffer *out);

/* The reason phrase of the few statuses the bridge answers with itself. */
const char *firma_http_phrase(int status);

#endif
