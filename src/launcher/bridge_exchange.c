/*
 * bridge_exchange.c - what a connection does in each of its states.
 *
 *      IDLE -> HEAD -> DIAL -> EXCHANGE -> IDLE      another request
 *                                |-> TUNNEL          2xx to a CONNECT
 *      any refusal, any last answer -> LINGER -> closed
 *
 * Theory of operation. A guest connection has one sidecar connection at a time. After an answer it
 * is kept if both said so and it is silent; the next request rides on it if it is still silent
 * then, and if sending it twice does no harm (safe, no body): its head stays in the guest's `in`
 * buffer until an answer begins, and when the sidecar ends the connection instead, it is sent again
 * on a fresh one. All other requests get a fresh one. Whatever the sidecar says beyond an answer
 * thus dies with its connection, and is never taken for the answer to the next request.
 *
 * Bytes the guest sends beyond its request stay in its `in` buffer until the answer is complete;
 * after a CONNECT they become tunnel bytes only once a 2xx has come, and are thrown away after any
 * other answer. An answer that breaks off is cut with a reset; one that never began becomes a 502
 * or 504 of ours.
 */
#include "launcher/bridge_private.h"

#include "launcher/loop_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { INTERIMS = 32 }; /* 1xx answers to one request */

static void note(const struct bridge_conn *conn, int status, const char *detail)
{
    const struct firma_bridge_config *config = &conn->bridge->config;
    char line[512];
    if (config->log == NULL)
        return;
    snprintf(line, sizeof line, "%s %03d%s%s", conn->label[0] ? conn->label : "- -", status,
             detail[0] ? " " : "", detail);
    config->log(config->log_context, line);
}

static void start_linger(struct bridge_conn *conn)
{
    firma_bridge_side_hang_up(conn->bridge->loop, &conn->sidecar);
    firma_http_buffer_clear(&conn->guest.in);
    conn->discarded = 0;
    firma_bridge_enter(conn, BRIDGE_LINGER);
}

/* Answers in our own name and ends the connection; ERROR is a type of RFC 9209 section 2.3. */
static void answer(struct bridge_conn *conn, int status, const char *error, const char *detail)
{
    note(conn, status, detail);
    if (!firma_http_buffer_format(&conn->guest.out,
                                  "HTTP/1.1 %d %s\r\n"
                                  "Proxy-Status: firma-bridge; error=%s\r\n"
                                  "Content-Type: text/plain\r\n"
                                  "Content-Length: %zu\r\n"
                                  "Connection: close\r\n\r\n%s%s",
                                  status, firma_http_phrase(status), error, strlen(detail) + 1,
                                  conn->asked.is_head ? "" : detail,
                                  conn->asked.is_head ? "" : "\n"))
        conn->over = true;
    start_linger(conn);
}

static void refuse(struct bridge_conn *conn, const struct http_refusal *why)
{
    answer(conn, why->status, "http_request_error", why->reason);
}

/* What the guest has is not all there was: it must not look like an orderly end. */
static void cut(struct bridge_conn *conn)
{
    firma_bridge_side_make_reset(&conn->guest);
    conn->over = true;
}

static void label(struct bridge_conn *conn, const struct http_request *request)
{
    struct http_text method = request->head.method, host = request->target.authority;
    if (request->target.form == HTTP_FORM_ASTERISK)
        host = request->head.target;
    snprintf(conn->label, sizeof conn->label, "%.*s %.*s",
             method.length > 32 ? 32 : (int)method.length, method.at, (int)host.length, host.at);
}

static void remember(struct bridge_conn *conn, const struct http_request *request)
{
    if (conn->bridge->config.log != NULL)
        label(conn, request);
    conn->asked = (struct http_asked){.is_connect = request->is_connect,
                                      .is_head = request->is_head,
                                      .keep_alive = request->keep_alive,
                                      .minor = request->head.minor};
    conn->request_body = (struct http_body){.kind = HTTP_BODY_NONE};
    if (request->framing.chunked)
        conn->request_body = (struct http_body){.kind = HTTP_BODY_CHUNKED, .write_chunked = true};
    else if (request->framing.has_length)
        conn->request_body =
            (struct http_body){.kind = HTTP_BODY_LENGTH, .left = request->framing.length};
    conn->request_done = conn->answered = conn->last = conn->persists = false;
    conn->interims = 0;
}

static void dial(struct bridge_conn *conn)
{
    struct firma_error failed = {0};
    bool connected;
    int fd = firma_endpoint_dial(conn->bridge->config.sidecar, &connected, &failed);
    if (fd < 0) {
        firma_bridge_dialled(conn, failed.errnum != 0 ? failed.errnum : ECONNREFUSED);
        return;
    }
    firma_no_delay(fd);
    conn->sidecar.watch.fd = fd;
    firma_bridge_enter(conn, BRIDGE_DIAL);
    if (connected)
        firma_bridge_dialled(conn, 0);
}

static bool open_sidecar_buffers(struct bridge_conn *conn)
{
    size_t attribution = conn->bridge->attribution.capacity;
    return conn->sidecar.in.data != NULL ||
           firma_bridge_side_open(&conn->sidecar, BRIDGE_ANSWER + attribution);
}

static void start_request(struct bridge_conn *conn, struct http_text head)
{
    struct http_request request;
    struct http_refusal why;
    conn->scanned = 0;
    if (!firma_http_read_request(&request, head, &why)) {
        refuse(conn, &why);
        return;
    }
    remember(conn, &request);
    bool rides = request.repeatable && firma_bridge_side_is_quiet(&conn->sidecar);
    conn->riding = rides ? head.length : 0;
    if (!rides)
        firma_bridge_side_hang_up(conn->bridge->loop, &conn->sidecar);
    struct http_text attribution = firma_http_buffer_text(&conn->bridge->attribution);
    if (!open_sidecar_buffers(conn) ||
        !firma_http_write_request(&request, attribution, &conn->sidecar.out)) {
        answer(conn, 502, "proxy_internal_error", "no room for the request");
        return;
    }
    if (rides) {
        firma_bridge_enter(conn, BRIDGE_EXCHANGE);
        return;
    }
    firma_http_buffer_consume(&conn->guest.in, head.length);
    dial(conn);
}

/* An earlier answer leaves first: a guest that does not read cannot make us pile up more. */
static bool advance_head(struct bridge_conn *conn)
{
    struct http_text text = firma_http_buffer_text(&conn->guest.in);
    struct http_refusal why;
    if (firma_http_buffer_used(&conn->guest.out) > 0)
        return false;
    if (text.length > 0 && conn->state == BRIDGE_IDLE)
        firma_bridge_enter(conn, BRIDGE_HEAD);
    ptrdiff_t size = firma_http_find_head(text, &conn->scanned, &why);
    if (size == 0) {
        conn->over = conn->guest.eof;
        return false;
    }
    if (size > 0)
        start_request(conn, (struct http_text){text.at, (size_t)size});
    else
        refuse(conn, &why);
    return true;
}

void firma_bridge_dialled(struct bridge_conn *conn, int errnum)
{
    if (errnum == 0)
        firma_bridge_enter(conn, BRIDGE_EXCHANGE);
    else if (errnum == ETIMEDOUT)
        answer(conn, 504, "connection_timeout", "the sidecar does not accept");
    else
        answer(conn, 502, "connection_refused", "the sidecar cannot be reached");
}

static void fail_request_body(struct bridge_conn *conn)
{
    if (conn->answered)
        cut(conn);
    else
        answer(conn, 400, "http_request_error", "chunked body");
}

/* A sidecar that takes no more may still answer: the rest of the body then waits in vain. */
static bool send_request_body(struct bridge_conn *conn)
{
    if (conn->request_done || conn->sidecar.deaf)
        return false;
    size_t before = firma_http_buffer_used(&conn->guest.in);
    switch (firma_http_body_move(&conn->request_body, &conn->guest.in, &conn->sidecar.out)) {
    case HTTP_BODY_DONE:
        conn->request_done = true;
        return true;
    case HTTP_BODY_BAD:
        fail_request_body(conn);
        return true;
    default:
        break;
    }
    size_t left = firma_http_buffer_used(&conn->guest.in);
    conn->over = conn->guest.eof && left == 0; /* it gave up in the middle */
    return left != before;
}

static bool is_kept(const struct bridge_conn *conn)
{
    const struct bridge_side *sidecar = &conn->sidecar;
    return conn->persists && !sidecar->eof && !sidecar->deaf &&
           firma_http_buffer_used(&sidecar->in) == 0 && firma_http_buffer_used(&sidecar->out) == 0;
}

static void finish(struct bridge_conn *conn)
{
    if (conn->last || !conn->request_done) {
        start_linger(conn);
        return;
    }
    if (!is_kept(conn))
        firma_bridge_side_hang_up(conn->bridge->loop, &conn->sidecar);
    conn->asked = (struct http_asked){0};
    conn->label[0] = '\0';
    firma_bridge_enter(conn, BRIDGE_IDLE);
}

static bool relay_body(struct bridge_conn *conn)
{
    size_t before = firma_http_buffer_used(&conn->sidecar.in);
    switch (firma_http_body_move(&conn->response_body, &conn->sidecar.in, &conn->guest.out)) {
    case HTTP_BODY_DONE:
        finish(conn);
        return true;
    case HTTP_BODY_BAD:
        cut(conn);
        return true;
    default:
        break;
    }
    size_t left = firma_http_buffer_used(&conn->sidecar.in);
    if (!conn->sidecar.eof || left > 0)
        return left != before;
    if (conn->response_body.kind == HTTP_BODY_UNTIL_CLOSE && !conn->sidecar.reset)
        finish(conn);
    else
        cut(conn);
    return true;
}

static void relay_final(struct bridge_conn *conn, const struct http_response *response)
{
    conn->answered = true;
    conn->last = response->last;
    conn->persists = response->persists;
    conn->response_body = response->body;
    note(conn, response->head.status, "");
    if (response->opens_tunnel)
        firma_bridge_enter(conn, BRIDGE_TUNNEL);
}

static void relay_head(struct bridge_conn *conn, struct http_text head)
{
    struct http_response response;
    struct http_refusal why;
    firma_http_buffer_consume(&conn->guest.in, conn->riding);
    conn->riding = 0;
    if (!firma_http_read_response(&response, head, &conn->asked, &why)) {
        answer(conn, why.status, "http_protocol_error", why.reason);
        return;
    }
    if (response.interim && ++conn->interims > INTERIMS) {
        answer(conn, 502, "http_protocol_error", "too many interim answers");
        return;
    }
    bool wanted = !response.interim || conn->asked.minor == 1;
    if (wanted && !firma_http_write_response(&response, &conn->guest.out)) {
        cut(conn);
        return;
    }
    if (!response.interim)
        relay_final(conn, &response);
    firma_http_buffer_consume(&conn->sidecar.in, head.length);
    conn->scanned = 0;
}

/* The sidecar had left before it heard of the request: back to where that was a head. */
static void start_again(struct bridge_conn *conn)
{
    firma_bridge_side_hang_up(conn->bridge->loop, &conn->sidecar);
    conn->riding = conn->scanned = 0;
    firma_bridge_enter(conn, BRIDGE_HEAD);
}

/* A head is relayed into an empty buffer only, where it always fits. */
static bool take_answer(struct bridge_conn *conn)
{
    struct http_text text = firma_http_buffer_text(&conn->sidecar.in);
    struct http_refusal why;
    if (conn->answered)
        return relay_body(conn);
    if (firma_http_buffer_used(&conn->guest.out) > 0)
        return false;
    ptrdiff_t size = firma_http_find_head(text, &conn->scanned, &why);
    if (size > 0)
        relay_head(conn, (struct http_text){text.at, (size_t)size});
    else if (size < 0)
        answer(conn, 502, "http_protocol_error", why.reason);
    else if (conn->sidecar.eof && text.length == 0 && conn->riding > 0)
        start_again(conn);
    else if (conn->sidecar.eof && text.length == 0)
        answer(conn, 502, "connection_terminated", "the sidecar ended before an answer");
    else if (conn->sidecar.eof)
        answer(conn, 502, "http_response_incomplete", "the sidecar ended within an answer");
    else
        return false;
    return true;
}

static bool advance_exchange(struct bridge_conn *conn)
{
    bool moved = send_request_body(conn);
    if (conn->over || conn->state != BRIDGE_EXCHANGE)
        return true;
    return take_answer(conn) || moved;
}

/* Moves bytes one way, and the end of them once all are written. What was received becomes what is
 * to be sent by changing hands: nothing is copied, and meanwhile the other buffer fills. */
static bool carry(struct bridge_side *from, struct bridge_side *to)
{
    bool moves = firma_http_buffer_used(&to->out) == 0 && firma_http_buffer_used(&from->in) > 0;
    if (moves)
        firma_http_buffer_swap(&from->in, &to->out);
    if (from->eof && firma_http_buffer_used(&from->in) == 0 &&
        firma_http_buffer_used(&to->out) == 0 && !to->shut)
        firma_bridge_side_shut(to);
    return moves;
}

static bool advance_tunnel(struct bridge_conn *conn)
{
    if (conn->sidecar.reset || conn->sidecar.deaf) {
        cut(conn);
        return true;
    }
    bool moved = carry(&conn->guest, &conn->sidecar);
    moved |= carry(&conn->sidecar, &conn->guest);
    if (conn->guest.shut && conn->sidecar.shut)
        conn->over = true;
    return moved;
}

static bool advance_linger(struct bridge_conn *conn)
{
    if (firma_http_buffer_used(&conn->guest.out) > 0)
        return false;
    if (!conn->guest.shut)
        firma_bridge_side_shut(&conn->guest);
    conn->over |= conn->guest.eof;
    return false;
}

bool firma_bridge_advance(struct bridge_conn *conn)
{
    switch (conn->state) {
    case BRIDGE_IDLE:
    case BRIDGE_HEAD:
        return advance_head(conn);
    case BRIDGE_EXCHANGE:
        return advance_exchange(conn);
    case BRIDGE_TUNNEL:
        return advance_tunnel(conn);
    case BRIDGE_LINGER:
        return advance_linger(conn);
    default:
        return false;
    }
}

void firma_bridge_expire(struct bridge_conn *conn)
{
    if (conn->state == BRIDGE_HEAD)
        answer(conn, 408, "http_request_error", "the request's head took too long");
    else if (conn->state == BRIDGE_DIAL)
        answer(conn, 504, "connection_timeout", "the sidecar does not accept");
    else if (conn->state == BRIDGE_EXCHANGE && !conn->answered)
        answer(conn, 504, "http_response_timeout", "the sidecar does not answer");
    else if (conn->state == BRIDGE_EXCHANGE || conn->state == BRIDGE_TUNNEL)
        cut(conn);
    else
        conn->over = true;
}
