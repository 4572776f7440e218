/*
 * One peer is one connection of the bridge's (or of a fake sidecar's, to the origin): a head, then
 * an answer of a pattern or the echo of a tunnel, then its end. Whatever is written is written as
 * far as the socket takes it.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum state { HEAD, HELD, ANSWER, ECHO };

struct load_peer {
    struct load_sidecar *sidecar;
    struct load_peer *next, **link;
    struct firma_watch watch;
    enum state state;
    bool from_origin;
    bool ended; /* it sends no more */
    uint64_t seed, size, offset;
    size_t start, end;    /* of what waits in `bytes` to be written */
    char bytes[LOAD_RUN]; /* a request's head, an answer's head, a tunnel's run */
};

static void destroy(struct load_peer *peer)
{
    firma_loop_unwatch(peer->sidecar->loop, &peer->watch);
    close(peer->watch.fd);
    if (peer->state == HELD)
        peer->sidecar->held--;
    *peer->link = peer->next;
    if (peer->next != NULL)
        peer->next->link = peer->link;
    free(peer);
}

static void want(struct load_peer *peer, unsigned events)
{
    struct firma_error err;
    if (peer->watch.active && peer->watch.events == events)
        return;
    peer->watch.events = events;
    if (firma_loop_watch(peer->sidecar->loop, &peer->watch, &err) != 0)
        load_give_up("%s", err.text);
}

/* False when the connection is of no more use. */
static bool flush(struct load_peer *peer)
{
    while (peer->start < peer->end) {
        ssize_t sent =
            send(peer->watch.fd, peer->bytes + peer->start, peer->end - peer->start, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        peer->start += (size_t)sent;
    }
    peer->start = peer->end = 0;
    return true;
}

/* An answer's head, then its pattern; its end is the connection's. */
static bool answer(struct load_peer *peer)
{
    if (!flush(peer))
        return false;
    while (peer->end == 0 && peer->offset < peer->size) {
        uint64_t left = peer->size - peer->offset;
        ssize_t sent = send(peer->watch.fd, load_pattern(peer->seed, peer->offset),
                            left > LOAD_RUN ? LOAD_RUN : (size_t)left, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent < 0)
            break;
        peer->offset += (uint64_t)sent;
    }
    want(peer, FIRMA_WRITE);
    return peer->end > 0 || peer->offset < peer->size;
}

/* Reads into an empty run only, so that who does not read its echo stops who sends. */
static bool echo(struct load_peer *peer)
{
    if (!flush(peer))
        return false;
    if (peer->end == 0 && !peer->ended) {
        ssize_t got = recv(peer->watch.fd, peer->bytes, sizeof peer->bytes, 0);
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        peer->ended = got == 0;
        peer->end = got > 0 ? (size_t)got : 0;
        peer->sidecar->echoed += peer->end;
        if (!flush(peer))
            return false;
    }
    want(peer, peer->end > 0 ? FIRMA_WRITE : FIRMA_READ);
    return !peer->ended || peer->end > 0;
}

static unsigned count(const char *text, const char *name)
{
    unsigned found = 0;
    for (const char *at = text; (at = strcasestr(at, name)) != NULL; at++)
        found++;
    return found;
}

static void write_head(struct load_peer *peer, const char *status, bool tunnel)
{
    peer->start = 0;
    peer->end = (size_t)snprintf(peer->bytes, sizeof peer->bytes,
                                 tunnel ? "HTTP/1.1 %s\r\n\r\n"
                                        : "HTTP/1.1 %s\r\nContent-Length: %llu\r\n"
                                          "Connection: close\r\n\r\n",
                                 status, (unsigned long long)peer->size);
}

static void answer_held(struct load_sidecar *sidecar)
{
    struct load_peer *next;
    if (sidecar->held < sidecar->hold)
        return;
    sidecar->held = 0;
    for (struct load_peer *peer = sidecar->peers; peer != NULL; peer = next) {
        next = peer->next;
        if (peer->state != HELD)
            continue;
        peer->state = ANSWER;
        if (!answer(peer))
            destroy(peer);
    }
}

static void understand(struct load_peer *peer)
{
    const char *path = strstr(peer->bytes, "/size/");
    unsigned long long size = 0, seed = 0;
    bool tunnel = strncmp(peer->bytes, "CONNECT ", 8) == 0;
    if (!peer->from_origin && strncmp(peer->bytes, "OPTIONS ", 8) != 0 && /* the launcher asks */
        count(peer->bytes, "\r\nx-firma-sandbox-id:") != 1)
        peer->sidecar->unattributed++;
    if (path != NULL)
        sscanf(path, "/size/%llu/seed/%llu", &size, &seed);
    peer->state = tunnel ? ECHO : strstr(peer->bytes, "/held/") != NULL ? HELD : ANSWER;
    peer->size = size;
    peer->seed = seed;
    write_head(peer, "200 OK", tunnel);
}

static bool read_head(struct load_peer *peer)
{
    ssize_t got = recv(peer->watch.fd, peer->bytes + peer->end, 16384 - 1 - peer->end, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    peer->end += (size_t)got;
    peer->bytes[peer->end] = '\0';
    if (strstr(peer->bytes, "\r\n\r\n") == NULL)
        return peer->end < 16384 - 1;
    understand(peer);
    return peer->state == HELD || (peer->state == ECHO ? echo(peer) : answer(peer));
}

static void ready(void *context, unsigned events)
{
    struct load_peer *peer = context;
    struct load_sidecar *sidecar = peer->sidecar;
    bool alive = true;
    (void)events;
    if (peer->state == HEAD) {
        alive = read_head(peer);
        if (alive && peer->state == HELD) {
            want(peer, 0);
            sidecar->held++;
            answer_held(sidecar); /* it may be gone */
            return;
        }
    } else if (peer->state == ANSWER) {
        alive = answer(peer);
    } else if (peer->state == ECHO) {
        alive = echo(peer);
    }
    if (!alive)
        destroy(peer);
}

static void accept_ready(void *context, unsigned events)
{
    struct load_listener *listener = context;
    (void)events;
    int fd = accept4(listener->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct load_peer *peer = fd >= 0 ? calloc(1, sizeof *peer) : NULL;
    if (peer == NULL)
        return;
    peer->sidecar = listener->sidecar;
    peer->from_origin = listener->is_origin;
    peer->watch = (struct firma_watch){.fd = fd, .ready = ready, .context = peer};
    peer->next = peer->sidecar->peers;
    peer->link = &peer->sidecar->peers;
    if (peer->next != NULL)
        peer->next->link = &peer->next;
    peer->sidecar->peers = peer;
    want(peer, FIRMA_READ);
}

static void start_listening(struct load_sidecar *sidecar, int which, uint16_t *port)
{
    struct load_listener *listener = &sidecar->listeners[which];
    struct firma_error err;
    listener->sidecar = sidecar;
    listener->is_origin = which == 1;
    listener->watch = (struct firma_watch){
        .fd = load_listen(port), .events = FIRMA_READ, .ready = accept_ready, .context = listener};
    if (firma_loop_watch(sidecar->loop, &listener->watch, &err) != 0)
        load_give_up("%s", err.text);
}

static void stop_listening(struct load_sidecar *sidecar, int which)
{
    struct firma_watch *watch = &sidecar->listeners[which].watch;
    firma_loop_unwatch(sidecar->loop, watch);
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

void load_sidecar_open(struct load_sidecar *sidecar, struct firma_loop *loop)
{
    *sidecar = (struct load_sidecar){.loop = loop};
    start_listening(sidecar, 0, &sidecar->port);
    start_listening(sidecar, 1, &sidecar->origin);
}

void load_sidecar_leave(struct load_sidecar *sidecar)
{
    stop_listening(sidecar, 0);
}

void load_sidecar_return(struct load_sidecar *sidecar)
{
    start_listening(sidecar, 0, &sidecar->port);
}

void load_sidecar_close(struct load_sidecar *sidecar)
{
    stop_listening(sidecar, 0);
    stop_listening(sidecar, 1);
    while (sidecar->peers != NULL)
        destroy(sidecar->peers);
}
