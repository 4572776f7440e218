/* forward.c - an absolute-form request to an upstream, in origin form, and its answer back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sidecar.h"

static const char gone[] = "Proxy-Status: fake-sidecar; error=connection_refused\r\n";

static bool is_hop_by_hop(const struct fake_text *name)
{
    static const char *const names[] = {"connection", "proxy-connection", "keep-alive", "expect",
                                        "proxy-authorization"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (fake_text_is(name, names[i]))
            return true;
    }
    /* Attribution is meant for us, not for the upstream. */
    return name->length >= 8 && strncasecmp(name->at, "x-firma-", 8) == 0;
}

static bool add(struct fake_stream *out, const char *text)
{
    return fake_stream_append(out, text, strlen(text));
}

static bool add_text(struct fake_stream *out, const struct fake_text *text)
{
    return fake_stream_append(out, text->at, text->length);
}

static bool add_fields(struct fake_stream *out, const struct fake_head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        const struct fake_field *field = &head->field[i];
        if (is_hop_by_hop(&field->name))
            continue;
        if (!add_text(out, &field->name) || !add(out, ": ") || !add_text(out, &field->value) ||
            !add(out, "\r\n"))
            return false;
    }
    return true;
}

/* "http://AUTHORITY/PATH" apart. */
static bool split_target(const struct fake_text *target, struct fake_text *authority,
                         struct fake_text *path)
{
    static const struct fake_text root = {"/", 1};
    if (target->length < 8 || strncasecmp(target->at, "http://", 7) != 0)
        return false;
    authority->at = target->at + 7;
    const char *end = target->at + target->length;
    const char *slash = memchr(authority->at, '/', (size_t)(end - authority->at));
    authority->length = (size_t)((slash == NULL ? end : slash) - authority->at);
    *path = slash == NULL ? root : (struct fake_text){slash, (size_t)(end - slash)};
    return true;
}

static bool send_request(int upstream, const struct fake_head *head, const struct fake_text *path,
                         const struct fake_stream *body)
{
    struct fake_stream out = {.fd = -1};
    bool sent = add_text(&out, &head->word[0]) && add(&out, " ") && add_text(&out, path) &&
                add(&out, " HTTP/1.1\r\n") && add_fields(&out, head) &&
                add(&out, "Connection: close\r\n\r\n") &&
                fake_stream_append(&out, body->data, body->used) &&
                fake_send(upstream, out.data, out.used);
    fake_stream_close(&out);
    return sent;
}

static bool relay_head(struct fake_conn *conn, const struct fake_head *head, bool closing)
{
    struct fake_stream out = {.fd = -1};
    bool sent = add(&out, "HTTP/1.1 ") && add_text(&out, &head->word[1]) && add(&out, " ") &&
                add_text(&out, &head->word[2]) && add(&out, "\r\n") && add_fields(&out, head) &&
                add(&out, closing ? "Connection: close\r\n\r\n" : "\r\n") &&
                fake_relay(conn, out.data, out.used);
    fake_stream_close(&out);
    return sent;
}

/* Relays one answer head and body; *STATUS tells which it was. */
static const char *relay_answer(struct fake_conn *conn, struct fake_stream *upstream, bool to_head,
                                int *status)
{
    struct fake_head *head = malloc(sizeof *head);
    if (head == NULL || fake_head_read(upstream, head) != FAKE_READ_OK) {
        free(head);
        return "upstream sent no answer";
    }
    *status = atoi(head->word[1].at);
    unsigned long long length = 0;
    enum fake_framing framing = fake_response_framing(head, to_head, *status, &length);
    fake_log(
        conn, "response",
        json_pack("{sI si sb}", "index", (json_int_t)conn->index, "status", *status, "own", 0));
    fake_delay(conn);
    const char *reason = framing == FAKE_BODY_CLOSE ? "upstream closed" : NULL;
    if (!relay_head(conn, head, framing == FAKE_BODY_CLOSE))
        reason = "guest gone";
    else if (!fake_body_copy(upstream, framing, length, fake_relay, conn))
        reason = "answer cut short";
    fake_head_free(head);
    free(head);
    return reason;
}

const char *fake_forward(struct fake_conn *conn, const struct fake_head *head,
                         const struct fake_stream *body)
{
    struct fake_text authority, path;
    char host[256];
    uint16_t port = 0;
    if (!split_target(&head->word[1], &authority, &path) ||
        !fake_authority(&authority, 80, host, sizeof host, &port))
        return fake_answer(conn, 400, "Bad Request", "") ? NULL : "guest gone";
    struct fake_stream upstream = {.fd = fake_dial(conn, host, port)};
    if (upstream.fd < 0)
        return fake_answer(conn, 502, "Bad Gateway", gone) ? NULL : "guest gone";
    const char *reason = "upstream gone";
    int status = 0;
    if (send_request(upstream.fd, head, &path, body)) {
        do
            reason = relay_answer(conn, &upstream, fake_text_is(&head->word[0], "HEAD"), &status);
        while (reason == NULL && status / 100 == 1);
    }
    if (status == 0 && fake_answer(conn, 502, "Bad Gateway", gone))
        reason = NULL;
    fake_stream_close(&upstream);
    return reason;
}
