/*
 * TCP through the relay. Each direction of a connection is a half: a buffer that is read into only
 * while it is empty (so a slow reader stops a fast writer), an end of input, and the shutdown that
 * passes that end on once the buffer has drained. When both halves are shut the connection is done.
 * An error on either side is passed on as a reset: a cut answer must not look like a complete one.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/ns/relay_private.h"

struct half {
    size_t start;
    size_t end; /* bytes start to end are waiting to be written */
    bool ended; /* the reading side has said its last */
    bool shut;  /* and the writing side was told */
    char bytes[RELAY_BUFFER];
};

struct relay_connection {
    struct firma_relay *relay;
    struct relay_connection *next;
    struct relay_connection **link;
    struct firma_ns_watch guest;
    struct firma_ns_watch host;
    bool connecting;
    struct half up;   /* guest to host */
    struct half down; /* host to guest */
};

static void close_socket(int fd, bool reset)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static void close_side(struct firma_relay *relay, struct firma_ns_watch *side, bool reset)
{
    firma_ns_events_set(relay->events, side, 0);
    close_socket(side->fd, reset);
}

static void end_connection(struct relay_connection *connection, bool reset)
{
    struct firma_relay *relay = connection->relay;
    close_side(relay, &connection->guest, reset);
    close_side(relay, &connection->host, reset);
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    free(connection);
    relay->connection_count--;
    firma_relay_resume(relay);
}

static bool is_lasting(int error)
{
    return error != EAGAIN && error != EWOULDBLOCK && error != EINTR;
}

/* Reads into an empty buffer. False on an error that ends the connection. */
static bool fill(struct half *half, int from)
{
    if (half->ended || half->start < half->end)
        return true;
    ssize_t got = recv(from, half->bytes, sizeof half->bytes, 0);
    if (got < 0)
        return !is_lasting(errno);
    half->ended = got == 0;
    half->start = 0;
    half->end = (size_t)got;
    return true;
}

/* Writes what is waiting, and the end of input after it. */
static bool drain(struct half *half, int to)
{
    if (half->start < half->end) {
        ssize_t put = send(to, half->bytes + half->start, half->end - half->start, MSG_NOSIGNAL);
        if (put < 0)
            return !is_lasting(errno);
        half->start += (size_t)put;
    }
    if (half->ended && !half->shut && half->start == half->end) {
        half->shut = true;
        return shutdown(to, SHUT_WR) == 0;
    }
    return true;
}

static bool move(struct half *half, int from, int to)
{
    return fill(half, from) && drain(half, to);
}

static uint32_t wants(const struct half *in, const struct half *out)
{
    uint32_t interest = 0;
    if (!in->ended && in->start == in->end)
        interest |= EPOLLIN;
    if (out->start < out->end)
        interest |= EPOLLOUT;
    return interest;
}

static bool rearm(struct relay_connection *c)
{
    uint32_t host = c->connecting ? EPOLLOUT : wants(&c->down, &c->up);
    return firma_ns_events_set(c->relay->events, &c->guest, wants(&c->up, &c->down)) == 0 &&
           firma_ns_events_set(c->relay->events, &c->host, host) == 0;
}

static void progress(struct relay_connection *c)
{
    bool alive = c->connecting ? fill(&c->up, c->guest.fd)
                               : move(&c->up, c->guest.fd, c->host.fd) &&
                                     move(&c->down, c->host.fd, c->guest.fd);
    if (!alive)
        end_connection(c, true);
    else if (c->up.shut && c->down.shut)
        end_connection(c, false);
    else if (!rearm(c))
        end_connection(c, true);
}

static void guest_ready(void *context, uint32_t events)
{
    (void)events; /* the next read or write tells what it was */
    progress(context);
}

static void host_ready(void *context, uint32_t events)
{
    struct relay_connection *connection = context;
    int error = 0;
    socklen_t length = sizeof error;
    (void)events;
    if (connection->connecting) {
        getsockopt(connection->host.fd, SOL_SOCKET, SO_ERROR, &error, &length);
        connection->connecting = false;
    }
    if (error != 0)
        end_connection(connection, true);
    else
        progress(connection);
}

static void tune(int fd)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void connect_through(struct relay_port *port, int guest)
{
    struct firma_relay *relay = port->relay;
    struct relay_connection *c = malloc(sizeof *c);
    int host = c == NULL ? -1 : relay_dial(SOCK_STREAM, port->upstream);
    if (host < 0) {
        free(c);
        close_socket(guest, true);
        return;
    }
    tune(guest);
    tune(host);
    c->relay = relay;
    c->guest = (struct firma_ns_watch){.fd = guest, .ready = guest_ready, .context = c};
    c->host = (struct firma_ns_watch){.fd = host, .ready = host_ready, .context = c};
    c->connecting = true;
    c->up.start = c->up.end = c->down.start = c->down.end = 0;
    c->up.ended = c->up.shut = c->down.ended = c->down.shut = false;
    c->next = relay->connections;
    c->link = &relay->connections;
    if (c->next != NULL)
        c->next->link = &c->next;
    relay->connections = c;
    relay->connection_count++;
    if (!rearm(c))
        end_connection(c, true);
}

void relay_accept(void *context, uint32_t events)
{
    struct relay_port *port = context;
    struct firma_relay *relay = port->relay;
    (void)events;
    int fd = accept4(port->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        connect_through(port, fd);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        relay->starved = true;
    if (relay->starved || relay->connection_count >= relay->limit)
        relay_pause(relay, true);
}

void relay_cut_all(struct firma_relay *relay)
{
    while (relay->connections != NULL)
        end_connection(relay->connections, true);
}
