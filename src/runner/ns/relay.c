#include "runner/ns/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "runner/ns/relay_private.h"

enum {
    RESERVED_DESCRIPTORS = RELAY_FLOWS + 64,
    WANTED_DESCRIPTORS = RESERVED_DESCRIPTORS + 2 * RELAY_CONNECTIONS,
    RETRY_MS = 100,
    KEPT_BYTES = 4 * RELAY_BUFFER /* free memory that is not given back */
};

int relay_dial(int type, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

void relay_pause(struct firma_relay *relay, bool pause)
{
    relay->paused = pause;
    for (size_t i = 0; i < relay->port_count; i++)
        if (!relay->ports[i].datagram)
            firma_ns_events_set(relay->events, &relay->ports[i].watch, pause ? 0 : EPOLLIN);
}

int firma_relay_timeout(const struct firma_relay *relay)
{
    return relay->starved ? RETRY_MS : -1;
}

void firma_relay_resume(struct firma_relay *relay)
{
    if (!relay->paused || relay->connection_count >= relay->limit)
        return;
    relay->starved = false;
    relay_pause(relay, false);
}

/* How many connections the descriptor limit allows, raised as far as it goes. The guest was born
 * before and keeps the limit it came with. */
static size_t connection_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 1;
    if (limit.rlim_cur < WANTED_DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < WANTED_DESCRIPTORS ? limit.rlim_max : WANTED_DESCRIPTORS;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= WANTED_DESCRIPTORS)
        return RELAY_CONNECTIONS;
    return limit.rlim_cur > RESERVED_DESCRIPTORS + 2
               ? (size_t)(limit.rlim_cur - RESERVED_DESCRIPTORS) / 2
               : 1;
}

/* What a crowd of connections has needed goes back to the system when it has left. An allocator
 * that has once freed something large (the contract's text) keeps twice as much (mallopt(3)). */
static void keep_little_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
#endif
}

static int add_port(struct firma_relay *relay, const struct firma_guest_listener *listener)
{
    struct relay_port *port = &relay->ports[relay->port_count++];
    *port = (struct relay_port){
        .relay = relay, .datagram = listener->datagram, .upstream = listener->upstream};
    port->watch = (struct firma_ns_watch){.fd = listener->fd,
                                          .ready = port->datagram ? relay_forward : relay_accept,
                                          .context = port};
    return firma_ns_events_set(relay->events, &port->watch, EPOLLIN);
}

int firma_relay_open(struct firma_relay **out, int events,
                     const struct firma_guest_listener *listeners, size_t count,
                     struct firma_error *err)
{
    struct firma_relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL || relay_flows_open(relay) < 0) {
        free(relay);
        return firma_fail(err, FIRMA_E_MEMORY, 0, "relay");
    }
    keep_little_memory();
    relay->events = events;
    relay->limit = connection_limit();
    for (size_t i = 0; i < count; i++)
        if (add_port(relay, &listeners[i]) < 0) {
            int saved = errno;
            firma_relay_close(relay);
            return firma_fail(err, FIRMA_E_SYSTEM, saved, "relay: watch a listener");
        }
    *out = relay;
    return 0;
}

void firma_relay_close(struct firma_relay *relay)
{
    if (relay == NULL)
        return;
    relay_cut_all(relay);
    relay_flows_close(relay);
    for (size_t i = 0; i < relay->port_count; i++)
        firma_ns_events_set(relay->events, &relay->ports[i].watch, 0);
    free(relay);
}
