#include "runner/guest/guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 }; /* the kernel may allow less */

static int set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int bind_loopback(int fd, const struct firma_guest_listener *want)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(want->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (set_flags(fd) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return want->datagram ? 0 : listen(fd, BACKLOG);
}

static int open_listener(struct firma_guest_listener *listener, struct firma_error *err)
{
    const char *kind = listener->datagram ? "udp" : "tcp";
    int fd = socket(AF_INET, listener->datagram ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest listener: %s socket", kind);
    if (bind_loopback(fd, listener) < 0) {
        int saved = errno;
        close(fd);
        return firma_fail(err, FIRMA_E_SYSTEM, saved, "guest listener: %s 127.0.0.1:%u", kind,
                          listener->port);
    }
    listener->fd = fd;
    return 0;
}

void firma_guest_listeners_close(struct firma_guest_listener *listeners, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (listeners[i].fd >= 0)
            close(listeners[i].fd);
        listeners[i].fd = -1;
    }
}

int firma_guest_listen(const struct firma_contract *contract,
                       struct firma_guest_listener listeners[FIRMA_GUEST_LISTENERS], size_t *count,
                       struct firma_error *err)
{
    uint16_t proxy = firma_contract_proxy_port(contract);
    uint16_t dns = firma_contract_dns_port(contract);
    if (proxy == 0 || dns == 0)
        return firma_fail(err, FIRMA_E_CONTRACT, 0, "%s: not a loopback address and port",
                          proxy == 0 ? "network.proxy_url" : "network.dns_stub_addr");
    struct firma_guest_listener wanted[FIRMA_GUEST_LISTENERS] = {
        {-1, false, proxy, proxy},
        {-1, true, dns, dns},
        {-1, false, dns, dns},
        {-1, true, FIRMA_GUEST_DNS_PORT, dns},
        {-1, false, FIRMA_GUEST_DNS_PORT, dns},
    };
    size_t total = dns == FIRMA_GUEST_DNS_PORT ? 3 : FIRMA_GUEST_LISTENERS;
    for (size_t i = 0; i < total; i++) {
        int result = open_listener(&wanted[i], err);
        if (result < 0) {
            firma_guest_listeners_close(wanted, total);
            return result;
        }
    }
    memcpy(listeners, wanted, sizeof wanted);
    *count = total;
    return 0;
}
