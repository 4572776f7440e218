#include "launcher/http_body.h"

enum { CHUNK_OVERHEAD = 32 }; /* more than a size line and two line ends */

static size_t move_raw(struct http_buffer *in, struct http_buffer *out, uint64_t limit)
{
    char *at;
    struct http_text text = firma_http_buffer_text(in);
    size_t room = firma_http_buffer_room(out, &at);
    if (text.length > room)
        text.length = room;
    if (text.length > limit)
        text.length = (size_t)limit;
    firma_http_buffer_add(out, text);
    firma_http_buffer_consume(in, text.length);
    return text.length;
}

static void write_chunk(struct http_buffer *out, struct http_text data)
{
    firma_http_buffer_format(out, "%zx\r\n", data.length);
    firma_http_buffer_add(out, data);
    firma_http_buffer_add(out, (struct http_text){"\r\n", 2});
}

/* Room is kept for the last chunk, so that an end once read can always be written. */
static enum http_body_result move_chunked(struct http_body *body, struct http_buffer *in,
                                          struct http_buffer *out)
{
    for (;;) {
        char *at;
        size_t consumed, room = firma_http_buffer_room(out, &at);
        if (room <= CHUNK_OVERHEAD)
            return HTTP_BODY_MORE;
        struct http_text data;
        enum http_chunked_result result = firma_http_chunked_next(
            &body->decoder, firma_http_buffer_text(in), room - CHUNK_OVERHEAD, &consumed, &data);
        if (result == HTTP_CHUNKED_DATA && body->write_chunked)
            write_chunk(out, data);
        else if (result == HTTP_CHUNKED_DATA)
            firma_http_buffer_add(out, data);
        firma_http_buffer_consume(in, consumed);
        if (result == HTTP_CHUNKED_MORE)
            return HTTP_BODY_MORE;
        if (result == HTTP_CHUNKED_BAD)
            return HTTP_BODY_BAD;
        if (result == HTTP_CHUNKED_DONE) {
            if (body->write_chunked)
                firma_http_buffer_add(out, (struct http_text){"0\r\n\r\n", 5});
            *body = (struct http_body){.kind = HTTP_BODY_NONE};
            return HTTP_BODY_DONE;
        }
    }
}

enum http_body_result firma_http_body_move(struct http_body *body, struct http_buffer *in,
                                           struct http_buffer *out)
{
    switch (body->kind) {
    case HTTP_BODY_LENGTH:
        body->left -= move_raw(in, out, body->left);
        return body->left == 0 ? HTTP_BODY_DONE : HTTP_BODY_MORE;
    case HTTP_BODY_CHUNKED:
        return move_chunked(body, in, out);
    case HTTP_BODY_UNTIL_CLOSE:
        move_raw(in, out, UINT64_MAX);
        return HTTP_BODY_MORE;
    default:
        return HTTP_BODY_DONE;
    }
}
