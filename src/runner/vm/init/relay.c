#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/vm/init/init.h"

enum { BATCH = 16 };

int firma_init_relay_open(struct firma_init_relay *relay, const struct firma_contract *contract,
                          struct firma_error *err)
{
    relay->proxy = firma_contract_proxy_port(contract);
    return firma_guest_listen(contract, relay->listeners, &relay->count, err);
}

void firma_init_relay_watch(const struct firma_init_relay *relay, struct pollfd *polled)
{
    bool may_connect = firma_mux_may_connect(relay->mux);
    for (size_t i = 0; i < FIRMA_GUEST_LISTENERS; i++) {
        bool wanted = i < relay->count && (relay->listeners[i].datagram || may_connect);
        polled[i] = (struct pollfd){.fd = wanted ? relay->listeners[i].fd : -1, .events = POLLIN};
    }
}

static void take_connection(struct firma_init_relay *relay,
                            const struct firma_guest_listener *listener)
{
    const int on = 1;
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    enum firma_vm_service service =
        listener->upstream == relay->proxy ? FIRMA_SERVICE_PROXY : FIRMA_SERVICE_DNS;
    if (!firma_mux_connect(relay->mux, service, fd))
        close(fd);
}

static bool is_flow_of(const struct firma_init_flow *flow, int listener,
                       const struct sockaddr_in *client)
{
    return flow->used && flow->listener == listener && flow->port == client->sin_port &&
           flow->address == client->sin_addr.s_addr;
}

/* The flow of CLIENT, or a free one, or the one quiet longest. */
static struct firma_init_flow *find_flow(struct firma_init_relay *relay, int listener,
                                         const struct sockaddr_in *client)
{
    struct firma_init_flow *oldest = &relay->flows[0];
    for (size_t i = 0; i < FIRMA_FLOW_COUNT; i++) {
        if (is_flow_of(&relay->flows[i], listener, client))
            return &relay->flows[i];
        if (relay->flows[i].age < oldest->age)
            oldest = &relay->flows[i];
    }
    *oldest = (struct firma_init_flow){.used = true,
                                       .listener = listener,
                                       .address = client->sin_addr.s_addr,
                                       .port = client->sin_port};
    return oldest;
}

static void take_datagrams(struct firma_init_relay *relay, int listener)
{
    uint8_t bytes[FIRMA_FRAME_PAYLOAD];
    for (int i = 0; i < BATCH; i++) {
        struct sockaddr_in client = {0};
        socklen_t length = sizeof client;
        ssize_t got = recvfrom(relay->listeners[listener].fd, bytes, sizeof bytes, MSG_TRUNC,
                               (struct sockaddr *)&client, &length);
        if (got < 0)
            return;
        if ((size_t)got > sizeof bytes)
            continue; /* no question is that long */
        struct firma_init_flow *flow = find_flow(relay, listener, &client);
        flow->age = ++relay->clock;
        firma_mux_send_datagram(relay->mux, (uint16_t)(flow - relay->flows), bytes, (size_t)got);
    }
}

void firma_init_relay_serve(struct firma_init_relay *relay, const struct pollfd *polled)
{
    for (size_t i = 0; i < relay->count; i++) {
        if (polled[i].revents == 0)
            continue;
        if (relay->listeners[i].datagram)
            take_datagrams(relay, (int)i);
        else
            take_connection(relay, &relay->listeners[i]);
    }
}

void firma_init_relay_answer(struct firma_init_relay *relay, uint16_t number, const uint8_t *bytes,
                             size_t length)
{
    const struct firma_init_flow *flow = &relay->flows[number];
    struct sockaddr_in client = {.sin_family = AF_INET, .sin_port = flow->port};
    client.sin_addr.s_addr = flow->address;
    if (flow->used)
        (void)sendto(relay->listeners[flow->listener].fd, bytes, length,
                     MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&client, sizeof client);
}
