#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/vm/vm.h"

enum { BATCH = 16 };

static int dial(int type, uint16_t port)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (type == SOCK_STREAM)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

void firma_vm_roads_open(struct firma_vm_roads *roads, const struct firma_contract *contract)
{
    roads->proxy = firma_contract_proxy_port(contract);
    roads->dns = firma_contract_dns_port(contract);
    for (size_t i = 0; i < FIRMA_FLOW_COUNT; i++)
        roads->flows[i] = -1;
}

void firma_vm_roads_close(struct firma_vm_roads *roads)
{
    for (size_t i = 0; i < FIRMA_FLOW_COUNT; i++)
        if (roads->flows[i] >= 0)
            close(roads->flows[i]);
}

int firma_vm_roads_dial(const struct firma_vm_roads *roads, uint8_t service)
{
    return dial(SOCK_STREAM, service == FIRMA_SERVICE_PROXY ? roads->proxy : roads->dns);
}

void firma_vm_roads_send(struct firma_vm_roads *roads, uint16_t flow, const uint8_t *bytes,
                         size_t length)
{
    int *fd = &roads->flows[flow];
    if (*fd < 0)
        *fd = dial(SOCK_DGRAM, roads->dns);
    if (*fd >= 0)
        (void)send(*fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void firma_vm_roads_watch(const struct firma_vm_roads *roads, struct pollfd *polled)
{
    for (size_t i = 0; i < FIRMA_FLOW_COUNT; i++)
        polled[i] = (struct pollfd){.fd = roads->flows[i], .events = POLLIN};
}

static void answer(struct firma_vm_roads *roads, struct firma_mux *mux, uint16_t flow)
{
    uint8_t bytes[FIRMA_FRAME_PAYLOAD];
    for (int i = 0; i < BATCH; i++) {
        ssize_t got = recv(roads->flows[flow], bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            close(roads->flows[flow]); /* the stub is gone; the next datagram tries anew */
            roads->flows[flow] = -1;
        }
        if (got < 0)
            return;
        firma_mux_send_datagram(mux, flow, bytes, (size_t)got);
    }
}

void firma_vm_roads_serve(struct firma_vm_roads *roads, struct firma_mux *mux,
                          const struct pollfd *polled)
{
    for (size_t i = 0; i < FIRMA_FLOW_COUNT; i++)
        if (polled[i].fd >= 0 && polled[i].fd == roads->flows[i] && polled[i].revents != 0)
            answer(roads, mux, (uint16_t)i);
}
