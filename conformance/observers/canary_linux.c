/*
 * canary_linux.c - the catch-all listener of the `internet` namespace.
 *
 * nftables' tproxy delivers every TCP connection and every datagram, whatever its destination, to
 * four sockets (TCP and UDP, IPv4 and IPv6). The original destination is the accepted socket's own
 * name, or ancillary data of the datagram. One process, one epoll set, nothing unbounded.
 */
#include "observers/canary_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DRAIN_ROUNDS = 1000 };

static socklen_t address_size(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static void address_text(const struct sockaddr_storage *address, char text[INET6_ADDRSTRLEN])
{
    const void *bytes = address->ss_family == AF_INET
                            ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                            : &((const struct sockaddr_in6 *)address)->sin6_addr;
    text[0] = '\0';
    inet_ntop(address->ss_family, bytes, text, INET6_ADDRSTRLEN);
}

uint16_t cf_canary_port(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET ? ((const struct sockaddr_in *)address)->sin_port
                                               : ((const struct sockaddr_in6 *)address)->sin6_port);
}

static const char *road(const struct cf_canary_config *config, const char *source)
{
    for (int i = 0; i < 2; i++) {
        if (config->sidecar[i] != NULL && strcmp(source, config->sidecar[i]) == 0)
            return "sidecar";
        if (config->veth[i] != NULL && strcmp(source, config->veth[i]) == 0)
            return "veth";
    }
    return "other";
}

json_t *cf_canary_flow(const struct cf_canary *canary, const struct cf_flow *flow)
{
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    address_text(&flow->from, from);
    address_text(&flow->to, to);
    return json_pack("{sssisssiss}", "src", from, "sport", (int)cf_canary_port(&flow->from), "dst",
                     to, "dport", (int)cf_canary_port(&flow->to), "via",
                     road(canary->config, from));
}

static int make_transparent(int fd, int family)
{
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return -1;
    if (family == AF_INET)
        return setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof on);
    if (setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        return -1;
    return setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof on);
}

int cf_canary_socket(int type, const struct sockaddr_storage *address, struct cf_error *err)
{
    int fd = socket(address->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && make_transparent(fd, address->ss_family) == 0 &&
        bind(fd, (const struct sockaddr *)address, address_size(address)) == 0)
        return fd;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    return cf_fail(err, CF_E_LAB, saved, "canary: a transparent socket");
}

int cf_canary_watch(struct cf_canary *canary, struct cf_canary_source *source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
    return epoll_ctl(canary->epoll, EPOLL_CTL_ADD, source->fd, &event);
}

static int prepare_udp(int fd, int family)
{
    int on = 1, room = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) != 0)
        return -1;
    return family == AF_INET ? setsockopt(fd, SOL_IP, IP_RECVORIGDSTADDR, &on, sizeof on)
                             : setsockopt(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR, &on, sizeof on);
}

static int open_source(struct cf_canary *canary, struct cf_canary_source *source, int family,
                       int type, struct cf_error *err)
{
    struct sockaddr_storage any = {.ss_family = (sa_family_t)family};
    in_port_t port = htons(canary->config->port);
    if (family == AF_INET)
        ((struct sockaddr_in *)&any)->sin_port = port;
    else
        ((struct sockaddr_in6 *)&any)->sin6_port = port;
    source->fd = cf_canary_socket(type, &any, err);
    if (source->fd < 0)
        return source->fd;
    source->ready = type == SOCK_STREAM ? cf_canary_accept : cf_canary_receive;
    int prepared =
        type == SOCK_STREAM ? listen(source->fd, SOMAXCONN) : prepare_udp(source->fd, family);
    if (prepared != 0 || cf_canary_watch(canary, source) != 0)
        return cf_fail(err, CF_E_LAB, errno, "canary: a listener");
    return 0;
}

static int open_sources(struct cf_canary *canary, struct cf_canary_source sources[4],
                        struct cf_error *err)
{
    static const int families[2] = {AF_INET, AF_INET6}, types[2] = {SOCK_STREAM, SOCK_DGRAM};
    canary->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (canary->epoll < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "canary");
    int result = 0;
    for (int i = 0; i < 4 && result == 0; i++)
        result = open_source(canary, &sources[i], families[i / 2], types[i % 2], err);
    return result;
}

/* One round of events; how many there were, or -1. STOP's own event only sets STOPPING. */
static int pump(struct cf_canary *canary, const struct cf_canary_source *stop, bool *stopping,
                int timeout)
{
    struct epoll_event events[64];
    int count = epoll_wait(canary->epoll, events, 64, timeout);
    for (int i = 0; i < count; i++) {
        struct cf_canary_source *source = events[i].data.ptr;
        if (source == stop)
            *stopping = true;
        else
            source->ready(canary, source);
    }
    cf_canary_evict(canary);
    return count < 0 && errno == EINTR ? 0 : count;
}

static int run(struct cf_canary *canary, struct cf_error *err)
{
    struct cf_canary_source stop = {.fd = canary->io->stop_fd};
    bool stopping = false;
    int count = cf_canary_watch(canary, &stop);
    cf_observer_ready(canary->io);
    while (count >= 0 && !stopping)
        count = pump(canary, &stop, &stopping, -1);
    /* What had arrived when the end was called still counts. */
    epoll_ctl(canary->epoll, EPOLL_CTL_DEL, stop.fd, NULL);
    for (int round = 0; count > 0 && round < DRAIN_ROUNDS; round++)
        count = pump(canary, &stop, &stopping, 0);
    return count >= 0 ? 0 : cf_fail(err, CF_E_SYSTEM, errno, "canary");
}

int cf_canary_run(struct cf_observer *io, const struct cf_canary_config *config,
                  struct cf_error *err)
{
    struct cf_canary canary = {.io = io, .config = config, .epoll = -1};
    struct cf_canary_source sources[4] = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int result = cf_observer_open(io, "canary", err);
    if (result != 0 || (result = open_sources(&canary, sources, err)) != 0)
        return cf_observer_unready(io, err);
    result = run(&canary, err);
    cf_canary_close_all(&canary);
    cf_observer_emit(io, "totals",
                     json_pack("{sIsI}", "connections", (json_int_t)canary.connections,
                               "udp_dropped",
                               (json_int_t)canary.udp_dropped[0] + canary.udp_dropped[1]));
    int closed = cf_observer_close(io, result == 0 ? err : NULL);
    for (int i = 0; i < 4; i++)
        close(sources[i].fd);
    close(canary.epoll);
    return result != 0 ? result : closed;
}
