/*
 * A chunked body through the bridge. First byte: in how small pieces it comes. What leaves is
 * chunked coding again, and decodes to the very payload that the whole body decodes to at once.
 */
#include "fuzz.h"

#include <string.h>

#include "launcher/http_body.h"

enum { ROOM = 64 * 1024 };

/* Moves all of INPUT, PIECE bytes at a time, to OUT. */
static enum http_body_result move(struct http_text input, size_t piece, bool write_chunked,
                                  struct http_buffer *out, size_t *left)
{
    struct http_body body = {.kind = HTTP_BODY_CHUNKED, .write_chunked = write_chunked};
    struct http_buffer in;
    enum http_body_result result = HTTP_BODY_MORE;
    FUZZ_MUST(firma_http_buffer_open(&in, ROOM) && firma_http_buffer_open(out, 2 * ROOM));
    while (result == HTTP_BODY_MORE && input.length > 0) {
        size_t size = input.length < piece ? input.length : piece;
        FUZZ_MUST(firma_http_buffer_add(&in, (struct http_text){input.at, size}));
        input.at += size;
        input.length -= size;
        result = firma_http_body_move(&body, &in, out);
        FUZZ_MUST(result != HTTP_BODY_MORE || firma_http_buffer_used(&in) == 0 ||
                  firma_http_buffer_used(out) > ROOM);
    }
    *left = firma_http_buffer_used(&in) + input.length;
    firma_http_buffer_close(&in);
    return result;
}

static void same(struct http_buffer *a, struct http_buffer *b)
{
    struct http_text left = firma_http_buffer_text(a), right = firma_http_buffer_text(b);
    FUZZ_MUST(left.length == right.length);
    FUZZ_MUST(left.length == 0 || memcmp(left.at, right.at, left.length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 8192)
        return 0;
    const struct http_text input = {(const char *)data + 1, size - 1};
    struct http_buffer pieces, whole, framed, decoded;
    size_t left, left_whole, ignored;
    enum http_body_result result = move(input, data[0] + 1u, false, &pieces, &left);
    FUZZ_MUST(move(input, input.length, false, &whole, &left_whole) == result);
    if (result != HTTP_BODY_BAD)
        same(&pieces, &whole);
    if (result == HTTP_BODY_DONE) {
        FUZZ_MUST(left == left_whole);
        FUZZ_MUST(move(input, data[0] + 1u, true, &framed, &ignored) == HTTP_BODY_DONE);
        FUZZ_MUST(move(firma_http_buffer_text(&framed), 7, false, &decoded, &ignored) ==
                      HTTP_BODY_DONE &&
                  ignored == 0);
        same(&decoded, &whole);
        firma_http_buffer_close(&framed);
        firma_http_buffer_close(&decoded);
    }
    firma_http_buffer_close(&pieces);
    firma_http_buffer_close(&whole);
    return 0;
}
