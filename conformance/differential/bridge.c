/*
 * What the bridge makes of a guest's stream, with the very functions it relays with. Each line of
 * the input is one stream in hexadecimal digits; for each it prints
 *
 *     request END METHOD TARGET BODY SENT     one that is complete, and what the sidecar would get
 *     open METHOD TARGET                      one whose head is taken and whose body is not all
 * here stop WHY                                always the last
 *
 * END is an offset, the other words are hexadecimal. After a CONNECT nothing is read any more:
 * those bytes are the tunnel's.
 */
#include <stdlib.h>
#include <string.h>

#include "launcher/http_body.h"
#include "launcher/http_request.h"
#include "stream.h"

#define ATTRIBUTION "x-firma-sandbox-id: box-1\r\n"

enum { LONGEST = 512 * 1024, ROOM = 4 * LONGEST };

struct view {
    struct http_buffer in;
    struct http_buffer body; /* decoded */
    struct http_buffer sent;
    size_t size;
};

static void print_words(const char *what, const struct http_request *request)
{
    printf("%s ", what);
    stream_print_hex(stdout, request->head.method.at, request->head.method.length);
    putchar(' ');
    stream_print_hex(stdout, request->head.target.at, request->head.target.length);
}

static void print_text(const struct http_buffer *buffer)
{
    struct http_text text = firma_http_buffer_text(buffer);
    putchar(' ');
    stream_print_hex(stdout, text.at, text.length);
}

/* As the bridge frames what it relays (remember() in bridge_exchange.c). */
static struct http_body body_of(const struct http_request *request)
{
    if (request->framing.chunked)
        return (struct http_body){.kind = HTTP_BODY_CHUNKED};
    if (request->framing.has_length)
        return (struct http_body){.kind = HTTP_BODY_LENGTH, .left = request->framing.length};
    return (struct http_body){.kind = HTTP_BODY_NONE};
}

/* The body twice: as the guest meant it, and as the sidecar gets it. */
static enum http_body_result move_body(struct view *view, const struct http_request *request)
{
    struct http_text rest = firma_http_buffer_text(&view->in);
    struct http_buffer copy;
    if (!firma_http_buffer_open(&copy, LONGEST) || !firma_http_buffer_add(&copy, rest))
        abort();
    struct http_body framed = body_of(request), plain = body_of(request);
    framed.write_chunked = true;
    firma_http_body_move(&framed, &copy, &view->sent);
    enum http_body_result result = firma_http_body_move(&plain, &view->in, &view->body);
    if (firma_http_buffer_used(&copy) != firma_http_buffer_used(&view->in))
        abort(); /* they end at the same byte, or there is no answer to print */
    firma_http_buffer_close(&copy);
    return result;
}

/* Takes one request off the stream; NULL: there may be another, else why not. */
static const char *take_request(struct view *view)
{
    static const struct http_text ours = {ATTRIBUTION, sizeof ATTRIBUTION - 1};
    struct http_text text = firma_http_buffer_text(&view->in);
    struct http_refusal why;
    struct http_request request;
    size_t scanned = 0;
    ptrdiff_t head = firma_http_find_head(text, &scanned, &why);
    if (head == 0)
        return "incomplete";
    if (head < 0 ||
        !firma_http_read_request(&request, (struct http_text){text.at, (size_t)head}, &why))
        return why.reason;
    firma_http_buffer_clear(&view->body);
    firma_http_buffer_clear(&view->sent);
    if (!firma_http_write_request(&request, ours, &view->sent))
        return "no room";
    firma_http_buffer_consume(&view->in, (size_t)head);
    enum http_body_result result = move_body(view, &request);
    if (result == HTTP_BODY_BAD)
        return "chunked body";
    if (result == HTTP_BODY_MORE) {
        print_words("open", &request);
        putchar('\n');
        return "incomplete";
    }
    char what[64];
    snprintf(what, sizeof what, "request %zu", view->size - firma_http_buffer_used(&view->in));
    print_words(what, &request);
    print_text(&view->body);
    print_text(&view->sent);
    putchar('\n');
    return request.is_connect ? "tunnel" : request.keep_alive ? NULL : "closed";
}

static void read_stream(struct view *view, struct http_text stream)
{
    const char *why = NULL;
    firma_http_buffer_clear(&view->in);
    if (!firma_http_buffer_add(&view->in, stream))
        abort();
    view->size = stream.length;
    while (why == NULL)
        why = take_request(view);
    printf("stop %s\n", why);
}

int main(void)
{
    struct view view = {0};
    char *line = NULL;
    size_t room = 0;
    if (!firma_http_buffer_open(&view.in, LONGEST) || !firma_http_buffer_open(&view.body, ROOM) ||
        !firma_http_buffer_open(&view.sent, ROOM))
        return 1;
    while (getline(&line, &room, stdin) > 0) {
        size_t size = stream_from_hex(line);
        if (size > LONGEST) {
            fputs("bridge: a line that is no stream\n", stderr);
            return 1;
        }
        read_stream(&view, (struct http_text){line, size});
    }
    free(line);
    firma_http_buffer_close(&view.in);
    firma_http_buffer_close(&view.body);
    firma_http_buffer_close(&view.sent);
    return ferror(stdin) || fflush(stdout) != 0;
}
