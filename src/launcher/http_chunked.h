/*
 * http_chunked.h - the chunked transfer coding (RFC 9112 section 7.1), strictly, byte by byte.
 *
 * A decoder, not a relay: payload comes out, and the sender of the other side frames it anew, so no
 * odd spelling of a chunk survives the bridge. Extensions are checked, bounded and dropped; so are
 * trailer fields, which a proxy may discard (RFC 9110 section 6.5.1), whatever they are called: but
 * for Content-Length and Transfer-Encoding, which no sender may put there and some reader might
 * believe. The end is the last chunk, the trailer section and its empty line, all of it: bytes
 * after the last chunk are never taken for anything but trailers, nor trailers for a new message.
 */
#ifndef FIRMA_HTTP_CHUNKED_H
#define FIRMA_HTTP_CHUNKED_H

#include "launcher/http_text.h"

enum {
    HTTP_CHUNK_DIGITS = 15,            /* of a chunk's size: below 2^60 */
    HTTP_CHUNK_EXTENSION = 256,        /* bytes of one chunk's extensions */
    HTTP_CHUNK_EXTENSIONS = 16 * 1024, /* of all chunks of a body */
    HTTP_CHUNK_TRAILERS = 8 * 1024,    /* bytes of the trailer section */
    HTTP_CHUNK_NAME = 20,              /* more than the names that are told apart */
};

struct http_chunked {
    int state;
    uint64_t left;     /* of this chunk; while its size is read, the size so far */
    unsigned digits;   /* of the size, seen so far */
    size_t extension;  /* bytes, this chunk */
    size_t extensions; /* bytes, all chunks */
    size_t trailers;   /* bytes */
    size_t name;       /* bytes of this trailer's name, and how it begins */
    char name_start[HTTP_CHUNK_NAME];
};

enum http_chunked_result {
    HTTP_CHUNKED_MORE, /* all of the input was consumed */
    HTTP_CHUNKED_DATA, /* payload, a slice of the input */
    HTTP_CHUNKED_DONE, /* the body has ended; the input after *CONSUMED is not its */
    HTTP_CHUNKED_BAD,  /* not chunked coding */
};

/* A zeroed struct http_chunked is ready. Reads from INPUT, tells how much it CONSUMED, and returns
 * at the first run of payload (at most MAX bytes of it, in DATA), the end or an error. */
enum http_chunked_result firma_http_chunked_next(struct http_chunked *decoder,
                                                 struct http_text input, size_t max,
                                                 size_t *consumed, struct http_text *data);

#endif
