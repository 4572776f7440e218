/*
 * dns_tcp.c - DNS over TCP (RFC 7766): two bytes of length, then the message; pipelined queries are
 * answered in order, one at a time. A length no query can have, or a message that gets no answer,
 * closes the connection; so does the clock, which every answered message sets anew.
 */
#include "launcher/dns_private.h"

#include "launcher/loop_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS = 16, PAUSE_MS = 200 };

struct dns_conn {
    struct firma_dns_stub *stub;
    struct dns_conn *next, **link;
    struct firma_watch watch;
    struct firma_timer timer;
    size_t used, pending, sent; /* bytes in IN; bytes in OUT, and of them those written */
    uint8_t in[2 + DNS_TCP_MESSAGE];
    uint8_t out[2 + DNS_ANSWER];
};

static void listen_for(struct firma_dns_stub *stub, unsigned events)
{
    if (stub->tcp.events == events)
        return;
    stub->tcp.events = events;
    firma_loop_watch(stub->loop, &stub->tcp, NULL);
}

void firma_dns_tcp_resume(void *context)
{
    struct firma_dns_stub *stub = context;
    if (stub->conn_count < DNS_CONNECTIONS && !stub->pause.active)
        listen_for(stub, FIRMA_READ);
}

static void destroy(struct dns_conn *conn)
{
    struct firma_dns_stub *stub = conn->stub;
    firma_loop_disarm(stub->loop, &conn->timer);
    firma_loop_unwatch(stub->loop, &conn->watch);
    close(conn->watch.fd);
    *conn->link = conn->next;
    if (conn->next != NULL)
        conn->next->link = conn->link;
    stub->conn_count--;
    free(conn);
}

static void expire(void *context)
{
    struct dns_conn *conn = context;
    struct firma_dns_stub *stub = conn->stub;
    destroy(conn);
    firma_dns_tcp_resume(stub);
}

/* False when the connection is at its end. */
static bool read_more(struct dns_conn *conn)
{
    ssize_t got = recv(conn->watch.fd, conn->in + conn->used, sizeof conn->in - conn->used, 0);
    if (got > 0)
        conn->used += (size_t)got;
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool write_more(struct dns_conn *conn)
{
    while (conn->sent < conn->pending) {
        ssize_t sent =
            firma_send(conn->watch.fd, conn->out + conn->sent, conn->pending - conn->sent);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        conn->sent += (size_t)sent;
    }
    conn->sent = conn->pending = 0;
    return true;
}

/* Answers the message at the start of IN, if it is whole. False when it deserves no answer. */
static bool answer_one(struct dns_conn *conn, bool *answered)
{
    size_t length = conn->used < 2 ? DNS_HEADER : (size_t)(conn->in[0] << 8 | conn->in[1]);
    *answered = false;
    if (length < DNS_HEADER || length > DNS_TCP_MESSAGE)
        return false;
    if (conn->used < 2 + length)
        return true;
    size_t size = firma_dns_answer(conn->in + 2, length, conn->out + 2, DNS_ANSWER);
    if (size == 0)
        return false;
    conn->out[0] = (uint8_t)(size >> 8);
    conn->out[1] = (uint8_t)(size & 0xff);
    conn->pending = 2 + size;
    conn->used -= 2 + length;
    memmove(conn->in, conn->in + 2 + length, conn->used);
    *answered = true;
    return true;
}

/* Answers what IN holds, as long as the peer takes the answers. */
static bool serve(struct dns_conn *conn)
{
    bool answered = true;
    while (answered) {
        if (!write_more(conn))
            return false;
        if (conn->pending > 0)
            return true;
        if (!answer_one(conn, &answered))
            return false;
        if (answered)
            firma_loop_arm(conn->stub->loop, &conn->timer, DNS_IDLE_MS);
    }
    return true;
}

static void ready(void *context, unsigned events)
{
    struct dns_conn *conn = context;
    bool alive = !(events & FIRMA_READ) || read_more(conn);
    if (!alive || !serve(conn)) {
        expire(conn);
        return;
    }
    unsigned wanted = conn->pending > 0 ? FIRMA_WRITE : FIRMA_READ;
    if (wanted == conn->watch.events)
        return;
    conn->watch.events = wanted;
    if (firma_loop_watch(conn->stub->loop, &conn->watch, NULL) != 0)
        expire(conn);
}

static void take(struct firma_dns_stub *stub, int fd)
{
    struct dns_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        close(fd);
        return;
    }
    conn->stub = stub;
    conn->watch =
        (struct firma_watch){.fd = fd, .events = FIRMA_READ, .ready = ready, .context = conn};
    conn->timer = (struct firma_timer){.fire = expire, .context = conn};
    conn->next = stub->conns;
    conn->link = &stub->conns;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    stub->conns = conn;
    stub->conn_count++;
    firma_loop_arm(stub->loop, &conn->timer, DNS_IDLE_MS);
    if (firma_loop_watch(stub->loop, &conn->watch, NULL) != 0)
        expire(conn);
}

static bool is_owner(struct firma_dns_stub *stub, int fd)
{
    struct sockaddr_in remote;
    socklen_t size = sizeof remote;
    return getpeername(fd, (struct sockaddr *)&remote, &size) == 0 &&
           firma_peer_is(&stub->peer, IPPROTO_TCP, &remote, &stub->address, stub->owner);
}

/* Out of descriptors or memory, the listener would stay readable and spin: it rests for a while. */
static bool accept_one(struct firma_dns_stub *stub)
{
    int fd = firma_accept(stub->tcp.fd);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            firma_loop_arm(stub->loop, &stub->pause, PAUSE_MS);
            listen_for(stub, 0);
        }
        return errno == ECONNABORTED || errno == EINTR;
    }
    if (is_owner(stub, fd))
        take(stub, fd);
    else
        close(fd); /* without a byte */
    return true;
}

void firma_dns_tcp_ready(void *context, unsigned events)
{
    struct firma_dns_stub *stub = context;
    (void)events;
    for (int i = 0; i < ACCEPTS && stub->conn_count < DNS_CONNECTIONS; i++)
        if (!accept_one(stub))
            return;
    if (stub->conn_count >= DNS_CONNECTIONS)
        listen_for(stub, 0);
}

void firma_dns_tcp_close_all(struct firma_dns_stub *stub)
{
    while (stub->conns != NULL)
        destroy(stub->conns);
}
