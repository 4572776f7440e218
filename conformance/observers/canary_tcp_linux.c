/* canary_tcp_linux.c - connections: what they carry, and answers for HTTP and DNS clients. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "observers/canary_linux.h"
#include "observers/dns.h"
#include "observers/http.h"
#include "observers/tls.h"

enum { PENDING_MAX = 131072 }; /* a request with its body has to fit to be answered */

struct cf_connection {
    struct cf_canary_source source; /* first: epoll hands back its address */
    struct cf_connection *older, *newer;
    struct cf_flow flow;
    json_int_t id;
    uint64_t bytes, recorded;
    bool talks; /* still answered: looks like one of the protocols below */
    size_t pending;
    unsigned char buffer[PENDING_MAX]; /* bytes that no answer has been given for yet */
};

static void unlink_connection(struct cf_canary *canary, struct cf_connection *connection)
{
    if (connection->older != NULL)
        connection->older->newer = connection->newer;
    else
        canary->oldest = connection->newer;
    if (connection->newer != NULL)
        connection->newer->older = connection->older;
    else
        canary->newest = connection->older;
    canary->open--;
}

static void end_connection(struct cf_canary *canary, struct cf_connection *connection,
                           const char *reason)
{
    cf_observer_emit(canary->io, "tcp-close",
                     json_pack("{sIsIss}", "conn", connection->id, "bytes",
                               (json_int_t)connection->bytes, "reason", reason));
    unlink_connection(canary, connection);
    close(connection->source.fd);
    free(connection);
}

/* What one read brought. NAME and QUESTION are there when it completed a ClientHello or a query. */
static void record(struct cf_canary *canary, struct cf_connection *connection,
                   const unsigned char *data, size_t length, const char *name,
                   const struct cf_dns_question *question)
{
    json_t *fields = cf_canary_flow(canary, &connection->flow);
    size_t room = CF_OBSERVED_CONNECTION - connection->recorded;
    size_t keep = length < room ? length : room;
    json_object_set_new(fields, "conn", json_integer(connection->id));
    json_object_set_new(fields, "data", cf_events_data(data, keep, CF_OBSERVED_RECORD));
    if (keep < length)
        json_object_set_new(fields, "truncated", json_true());
    if (name != NULL)
        json_object_set_new(fields, "sni", cf_events_data(name, strlen(name), 255));
    if (question != NULL) {
        json_object_set_new(fields, "qname", json_string(question->name));
        json_object_set_new(fields, "qtype", json_integer((json_int_t)question->type));
    }
    connection->recorded += keep;
    cf_observer_emit(canary->io, "tcp-data", fields);
}

static void answer(struct cf_connection *connection, const void *data, size_t length)
{
    /* A client that does not read its few bytes has only itself to blame. */
    if (send(connection->source.fd, data, length, MSG_NOSIGNAL) < 0)
        connection->talks = false;
}

static void consume(struct cf_connection *connection, size_t length)
{
    connection->pending -= length;
    memmove(connection->buffer, connection->buffer + length, connection->pending);
}

/* Answers each whole request; false when the connection ends with the answer. */
static bool serve_http(struct cf_connection *connection)
{
    struct cf_http_request request;
    char text[CF_HTTP_ANSWER];
    size_t length;
    while (connection->talks &&
           (length = cf_http_request(connection->buffer, connection->pending, &request)) > 0) {
        consume(connection, length);
        answer(connection, text, cf_http_answer(&request, text));
        if (!request.persist)
            return false;
    }
    return true;
}

static bool is_query(const struct cf_connection *connection, struct cf_dns_question *question)
{
    if (cf_canary_port(&connection->flow.to) != 53 || connection->pending < 2)
        return false;
    size_t length = (size_t)connection->buffer[0] << 8 | connection->buffer[1];
    return length + 2 <= connection->pending &&
           cf_dns_question(connection->buffer + 2, length, question);
}

static void serve_dns(struct cf_connection *connection, const struct cf_dns_question *question)
{
    unsigned char reply[2 + CF_DNS_ANSWER_MAX];
    size_t asked = ((size_t)connection->buffer[0] << 8 | connection->buffer[1]) + 2;
    size_t length = cf_dns_answer(connection->buffer + 2, question, reply + 2);
    reply[0] = (unsigned char)(length >> 8);
    reply[1] = (unsigned char)length;
    consume(connection, asked);
    if (length > 0)
        answer(connection, reply, length + 2);
}

/* Adds to the bytes under interpretation; a connection that outgrows them is only recorded. */
static void remember(struct cf_connection *connection, const unsigned char *data, size_t length)
{
    if (connection->talks && connection->pending + length > PENDING_MAX)
        connection->talks = false;
    if (connection->talks) {
        memcpy(connection->buffer + connection->pending, data, length);
        connection->pending += length;
    }
}

/* Records what came and answers it; NULL, or why the connection ends here. */
static const char *digest(struct cf_canary *canary, struct cf_connection *connection,
                          const unsigned char *data, size_t length)
{
    struct cf_dns_question question;
    char name[256];
    connection->bytes += length;
    remember(connection, data, length);
    enum cf_tls_hello hello =
        connection->talks ? cf_tls_client_hello(connection->buffer, connection->pending, name)
                          : CF_TLS_NOT;
    bool query = connection->talks && hello == CF_TLS_NOT && is_query(connection, &question);
    record(canary, connection, data, length, hello == CF_TLS_WHOLE ? name : NULL,
           query ? &question : NULL);
    if (hello == CF_TLS_WHOLE)
        return "tls";
    while (query) {
        serve_dns(connection, &question);
        query = connection->talks && is_query(connection, &question);
    }
    if (connection->talks && cf_http_looks_like(connection->buffer, connection->pending) &&
        !serve_http(connection))
        return "answered";
    return NULL;
}

static void read_connection(struct cf_canary *canary, struct cf_canary_source *source)
{
    struct cf_connection *connection = (struct cf_connection *)source;
    unsigned char data[CF_OBSERVED_RECORD];
    ssize_t got = recv(source->fd, data, sizeof data, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    const char *reason = got == 0 ? "eof" : got < 0 ? "reset" : NULL;
    if (reason == NULL)
        reason = digest(canary, connection, data, (size_t)got);
    if (reason != NULL)
        end_connection(canary, connection, reason);
}

static void begin(struct cf_canary *canary, int fd, const struct sockaddr_storage *from)
{
    struct cf_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        close(fd);
        return;
    }
    socklen_t size = sizeof connection->flow.to;
    connection->source = (struct cf_canary_source){fd, read_connection};
    connection->id = (json_int_t)++canary->connections;
    connection->talks = true;
    connection->flow.from = *from;
    getsockname(fd, (struct sockaddr *)&connection->flow.to, &size);
    connection->older = canary->newest;
    *(canary->newest == NULL ? &canary->oldest : &canary->newest->newer) = connection;
    canary->newest = connection;
    canary->open++;
    json_t *fields = cf_canary_flow(canary, &connection->flow);
    json_object_set_new(fields, "conn", json_integer(connection->id));
    cf_observer_emit(canary->io, "tcp-open", fields);
    if (cf_canary_watch(canary, &connection->source) != 0)
        end_connection(canary, connection, "unwatched");
}

void cf_canary_accept(struct cf_canary *canary, struct cf_canary_source *listener)
{
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        begin(canary, fd, &from);
}

void cf_canary_evict(struct cf_canary *canary)
{
    while (canary->open > CF_CANARY_CONNECTIONS)
        end_connection(canary, canary->oldest, "evicted");
}

void cf_canary_close_all(struct cf_canary *canary)
{
    while (canary->oldest != NULL) {
        struct cf_connection *connection = canary->oldest;
        json_int_t id = connection->id;
        read_connection(canary, &connection->source);
        if (canary->oldest != NULL && canary->oldest->id == id)
            end_connection(canary, connection, "end");
    }
}
