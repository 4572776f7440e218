/* http_body.h - moves a message's body from one buffer to another, and knows where it ends. */
#ifndef FIRMA_HTTP_BODY_H
#define FIRMA_HTTP_BODY_H

#include "launcher/http_buffer.h"
#include "launcher/http_chunked.h"

enum http_body_kind {
    HTTP_BODY_NONE,
    HTTP_BODY_LENGTH,
    HTTP_BODY_CHUNKED,
    HTTP_BODY_UNTIL_CLOSE,
};

struct http_body {
    enum http_body_kind kind;
    bool write_chunked; /* with HTTP_BODY_CHUNKED: framed anew; else decoded */
    uint64_t left;      /* with HTTP_BODY_LENGTH */
    struct http_chunked decoder;
};

enum http_body_result {
    HTTP_BODY_MORE, /* needs input, or room in the output */
    HTTP_BODY_DONE, /* all of it moved; what IN still holds is not its */
    HTTP_BODY_BAD,  /* broken chunked coding */
};

/* Moves what it can. After HTTP_BODY_DONE a further call moves nothing and says so again. */
enum http_body_result firma_http_body_move(struct http_body *body, struct http_buffer *in,
                                           struct http_buffer *out);

#endif
