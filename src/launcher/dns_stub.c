/* dns_stub.c - the stub's sockets, and DNS over UDP. */
#include "launcher/dns_private.h"

#include "launcher/datagrams.h"
#include "launcher/loop_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ATTEMPTS = 32, /* to find a port that is free for both */
    BATCHES = 4    /* a wake-up */
};

/* A query that is longer than a datagram's room is cut: the question comes first, and fits. */
_Static_assert((int)FIRMA_DATAGRAM_BYTES >= (int)DNS_ANSWER, "a whole question");

/* Whoever sent several of a batch is looked up once: all of them had come before that. */
static bool is_owner(struct firma_dns_stub *stub, const struct firma_datagram *queries, int at,
                     const bool *owned)
{
    const struct sockaddr_in *peer = &queries[at].peer;
    for (int i = at - 1; i >= 0; i--)
        if (firma_same_peer(&queries[i].peer, peer))
            return owned[i];
    return firma_peer_is(&stub->peer, IPPROTO_UDP, peer, &stub->address, stub->owner);
}

/* False when nothing is left to read. */
static bool answer_batch(struct firma_dns_stub *stub)
{
    struct firma_datagram queries[FIRMA_DATAGRAMS], answers[FIRMA_DATAGRAMS];
    bool owned[FIRMA_DATAGRAMS];
    int count = firma_datagrams_receive(stub->udp.fd, queries), answered = 0;
    if (count < 0) /* an earlier answer's ICMP error shows up here once */
        return errno == ECONNREFUSED || errno == EINTR;
    for (int i = 0; i < count; i++) {
        struct firma_datagram *answer = &answers[answered];
        owned[i] = is_owner(stub, queries, i, owned);
        if (!owned[i])
            continue;
        answer->length =
            firma_dns_answer(queries[i].data, queries[i].length, answer->data, sizeof answer->data);
        answer->peer = queries[i].peer;
        answered += answer->length > 0;
    }
    firma_datagrams_send(stub->udp.fd, answers, answered, stub->merge);
    return count == FIRMA_DATAGRAMS;
}

static void udp_ready(void *context, unsigned events)
{
    (void)events;
    for (int i = 0; i < BATCHES; i++)
        if (!answer_batch(context))
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
    stub->merge = firma_datagrams_merge(stub->udp.fd);
    return 0;
}

static int start(struct firma_dns_stub *stub, struct firma_error *err)
{
    int rc = bind_both(stub, err);
    if (rc == 0)
        rc = firma_peer_open(&stub->peer, IPPROTO_UDP, stub->udp.fd, err);
    if (rc == 0)
        rc = firma_peer_prove(&stub->peer, IPPROTO_TCP, stub->tcp.fd, err);
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
        .peer = {.fd = -1},
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
    firma_peer_close(&stub->peer);
    free(stub);
}
