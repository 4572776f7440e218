/* dns_stub.c - the stub's sockets, and DNS over UDP. */
#include "launcher/dns_private.h"

#include "launcher/loop_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ATTEMPTS = 32,     /* to find a port that is free for both */
    DATAGRAMS = 64,    /* a wake-up */
    UDP_MESSAGE = 4096 /* what is longer is cut: the question comes first */
};

/* False when nothing is left to read. */
static bool answer_datagram(const struct firma_dns_stub *stub)
{
    uint8_t query[UDP_MESSAGE], answer[DNS_ANSWER];
    struct sockaddr_in from = {0};
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(stub->udp.fd, query, sizeof query, 0, (struct sockaddr *)&from, &size);
    if (got < 0) /* an earlier answer's ICMP error shows up here once */
        return errno == ECONNREFUSED || errno == EINTR;
    if (!firma_peer_is(&stub->udp_peer, IPPROTO_UDP, &from, &stub->address, stub->owner))
        return true;
    size_t length = firma_dns_answer(query, (size_t)got, answer, sizeof answer);
    if (length > 0)
        sendto(stub->udp.fd, answer, length, 0, (struct sockaddr *)&from, size);
    return true;
}

static void udp_ready(void *context, unsigned events)
{
    (void)events;
    for (int i = 0; i < DATAGRAMS; i++)
        if (!answer_datagram(context))
            return;
}

/* One try: the first socket takes any port, the second wants the same. */
static int bind_pair(int first_type, int *first, int *second, uint16_t *port)
{
    int second_type = first_type == SOCK_DGRAM ? SOCK_STREAM : SOCK_DGRAM;
    *port = 0;
    *first = firma_listen_loopback(first_type, port);
    if (*first < 0)
        return errno;
    *second = firma_listen_loopback(second_type, port);
    if (*second >= 0)
        return 0;
    int errnum = errno;
    close(*first);
    *first = -1;
    return errnum;
}

static int bind_both(struct firma_dns_stub *stub, struct firma_error *err)
{
    int errnum = EADDRINUSE;
    for (int i = 0; i < ATTEMPTS && errnum == EADDRINUSE; i++)
        errnum = i % 2 == 0 ? bind_pair(SOCK_DGRAM, &stub->udp.fd, &stub->tcp.fd, &stub->port)
                            : bind_pair(SOCK_STREAM, &stub->tcp.fd, &stub->udp.fd, &stub->port);
    if (errnum != 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errnum,
                          "cannot bind one port of 127.0.0.1 for UDP and TCP");
    stub->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(stub->port)};
    stub->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return 0;
}

static int start(struct firma_dns_stub *stub, struct firma_error *err)
{
    int rc = bind_both(stub, err);
    if (rc == 0)
        rc = firma_peer_open(&stub->udp_peer, IPPROTO_UDP, stub->udp.fd, err);
    if (rc == 0)
        rc = firma_peer_open(&stub->tcp_peer, IPPROTO_TCP, stub->tcp.fd, err);
    if (rc == 0)
        rc = firma_loop_watch(stub->loop, &stub->udp, err);
    if (rc == 0)
        rc = firma_loop_watch(stub->loop, &stub->tcp, err);
    return rc;
}

int firma_dns_stub_open(struct firma_dns_stub **out, struct firma_loop *loop, uid_t owner,
                        struct firma_error *err)
{
    struct firma_dns_stub *stub = calloc(1, sizeof *stub);
    if (stub == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "DNS stub");
    *stub = (struct firma_dns_stub){
        .loop = loop,
        .owner = owner,
        .udp = {.fd = -1, .events = FIRMA_READ, .ready = udp_ready, .context = stub},
        .tcp = {.fd = -1, .events = FIRMA_READ, .ready = firma_dns_tcp_ready, .context = stub},
        .pause = {.fire = firma_dns_tcp_resume, .context = stub},
        .udp_peer = {-1},
        .tcp_peer = {-1},
    };
    int rc = start(stub, err);
    if (rc != 0) {
        firma_dns_stub_close(stub);
        return firma_wrap(err, "DNS stub");
    }
    *out = stub;
    return 0;
}

uint16_t firma_dns_stub_port(const struct firma_dns_stub *stub)
{
    return stub->port;
}

static void close_watch(struct firma_loop *loop, struct firma_watch *watch)
{
    firma_loop_unwatch(loop, watch);
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

void firma_dns_stub_close(struct firma_dns_stub *stub)
{
    if (stub == NULL)
        return;
    firma_loop_disarm(stub->loop, &stub->pause);
    firma_dns_tcp_close_all(stub);
    close_watch(stub->loop, &stub->udp);
    close_watch(stub->loop, &stub->tcp);
    firma_peer_close(&stub->udp_peer);
    firma_peer_close(&stub->tcp_peer);
    free(stub);
}
