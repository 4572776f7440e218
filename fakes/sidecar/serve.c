/* serve.c - one connection: request after request, each recorded before anything is done. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sidecar.h"

void fake_log(struct fake_conn *conn, const char *event, json_t *fields)
{
    if (fields == NULL)
        fields = json_object();
    json_object_set_new(fields, "conn", json_integer((json_int_t)conn->id));
    pthread_mutex_lock(&conn->sidecar->lock);
    cf_events_emit(conn->sidecar->events, event, fields);
    pthread_mutex_unlock(&conn->sidecar->lock);
}

json_t *fake_log_text(const struct fake_text *text)
{
    return cf_events_data(text->at, text->length, 8192);
}

static void log_request(struct fake_conn *conn, const struct fake_head *head)
{
    json_t *headers = json_array();
    for (size_t i = 0; i < head->count; i++)
        json_array_append_new(headers, json_pack("[oo]", fake_log_text(&head->field[i].name),
                                                 fake_log_text(&head->field[i].value)));
    fake_log(conn, "request",
             json_pack("{sI so so so so}", "index", (json_int_t)conn->index, "method",
                       fake_log_text(&head->word[0]), "target", fake_log_text(&head->word[1]),
                       "version", fake_log_text(&head->word[2]), "headers", headers));
}

static void log_garbage(struct fake_conn *conn)
{
    if (conn->guest.used == 0)
        return;
    fake_log(conn, "garbage",
             json_pack("{so sI}", "data",
                       cf_events_data(conn->guest.data, conn->guest.used, FAKE_RECORDED), "length",
                       (json_int_t)conn->guest.used));
    conn->guest.used = 0;
}

/* Whatever else the guest says, until it stops. */
static void drain(struct fake_conn *conn)
{
    log_garbage(conn);
    while (fake_stream_fill(&conn->guest, FAKE_IDLE_MS) > 0)
        log_garbage(conn);
}

/* What still comes behind a request that was to be the last is recorded too: a bridge that passes
 * smuggled bytes on shows here. */
static void linger(struct fake_conn *conn)
{
    shutdown(conn->guest.fd, SHUT_WR);
    log_garbage(conn);
    while (fake_stream_fill(&conn->guest, FAKE_LINGER_MS) > 0)
        log_garbage(conn);
}

static bool collect(void *context, const void *data, size_t length)
{
    struct fake_stream *body = context;
    return body->used + length <= FAKE_BODY_MAX && fake_stream_append(body, data, length);
}

static bool read_body(struct fake_conn *conn, const struct fake_head *head,
                      struct fake_stream *body)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    unsigned long long length = 0;
    enum fake_framing framing = fake_request_framing(head, &length);
    if (framing == FAKE_BODY_NONE || fake_text_is(&head->word[0], "CONNECT"))
        return true;
    if (fake_head_find(head, "expect") != NULL)
        fake_send(conn->guest.fd, go_on, strlen(go_on));
    bool whole = fake_body_copy(&conn->guest, framing, length, collect, body);
    fake_log(conn, "body",
             json_pack("{sI so sI sb}", "index", (json_int_t)conn->index, "data",
                       cf_events_data(body->data, body->used, FAKE_RECORDED), "length",
                       (json_int_t)body->used, "whole", whole));
    return whole;
}

static bool denied(const struct fake_script *script, const struct fake_text *target, bool own)
{
    /* RFC 6761 §6.4: no such name can exist, so there is always something to be refused. */
    if (fake_text_has(target, ".invalid"))
        return true;
    if (script->deny_match[0] != '\0' && fake_text_has(target, script->deny_match))
        return true;
    return script->deny && !own;
}

static const char *dispatch(struct fake_conn *conn, const struct fake_head *head,
                            const struct fake_stream *body)
{
    const struct fake_text *method = &head->word[0], *target = &head->word[1];
    bool tunnel = fake_text_is(method, "CONNECT");
    bool own = !tunnel && (target->at[0] == '/' || fake_text_is(target, "*"));
    const char *reason = NULL;
    if (denied(&conn->sidecar->script, target, own))
        reason = fake_answer(conn, 403, "Forbidden", "") ? NULL : "guest gone";
    else if (own)
        reason = fake_answer(conn, 200, "OK", "") ? NULL : "guest gone";
    else if (tunnel)
        return fake_tunnel(conn, head);
    else
        reason = fake_forward(conn, head, body);
    fake_answered(conn, own && fake_text_is(method, "OPTIONS"));
    return reason;
}

static bool wants_close(const struct fake_head *head)
{
    const struct fake_text *connection = fake_head_find(head, "connection");
    bool keep = connection != NULL && fake_text_has(connection, "keep-alive");
    bool close = connection != NULL && fake_text_has(connection, "close");
    return close || (fake_text_is(&head->word[2], "HTTP/1.0") && !keep);
}

static const char *serve_request(struct fake_conn *conn, const struct fake_head *head)
{
    struct fake_stream body = {.fd = -1};
    const char *reason = "guest gone";
    log_request(conn, head);
    if (conn->sidecar->script.hang) {
        drain(conn);
        reason = "hung";
    } else if (read_body(conn, head, &body)) {
        reason = dispatch(conn, head, &body);
        if (reason == NULL && wants_close(head)) {
            reason = "asked to close";
            linger(conn);
        }
    }
    fake_stream_close(&body);
    return reason;
}

static const char *serve_next(struct fake_conn *conn)
{
    struct fake_head *head = calloc(1, sizeof *head);
    enum fake_read read = head == NULL ? FAKE_READ_END : fake_head_read(&conn->guest, head);
    const char *reason = "guest closed";
    if (read == FAKE_READ_OK) {
        conn->index++;
        reason = serve_request(conn, head);
        fake_head_free(head);
    } else if (read == FAKE_READ_GARBAGE) {
        log_garbage(conn);
        fake_answer(conn, 400, "Bad Request", "");
        drain(conn);
        reason = "garbage";
    }
    free(head);
    return reason;
}

static json_t *peer_text(const struct sockaddr *peer)
{
    char text[INET6_ADDRSTRLEN] = "";
    uint16_t port = 0;
    if (peer->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        port = ntohs(v4->sin_port);
    } else if (peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        port = ntohs(v6->sin6_port);
    }
    return json_sprintf(peer->sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

void fake_serve(struct fake_sidecar *sidecar, int fd, uint64_t id, const struct sockaddr *peer)
{
    struct fake_conn conn = {.sidecar = sidecar, .guest = {.fd = fd}, .id = id};
    const char *reason = sidecar->script.refuse ? "refused" : NULL;
    fake_log(&conn, "accept", json_pack("{so}", "peer", peer_text(peer)));
    while (reason == NULL)
        reason = serve_next(&conn);
    /* The record first: whoever saw the connection end may then read the log. */
    fake_log(&conn, "end",
             json_pack("{ss sI}", "reason", reason, "requests", (json_int_t)conn.index));
    fake_stream_close(&conn.guest);
}
