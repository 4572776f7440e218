/* tech_socket.c - plain sockets: TCP, UDP, loopback, unix, a burst. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

enum { UDP_WAIT_MS = 300, LO_WAIT_MS = 500 };

void probe_tech_tcp(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 443, &address, out))
        probe_tcp_once(step, &address, NULL, 1, out);
}

static size_t count_words(const char *list)
{
    size_t count = 1;
    for (; *list != '\0'; list++)
        count += *list == ',';
    return count;
}

void probe_tech_tcp_ports(const struct probe_step *step, struct probe_outcome *out)
{
    const char *addr = probe_param(step, "addr", "");
    const char *ports = probe_param(step, "ports", "22,25,53,80,443,853,3128,8080");
    size_t left = count_words(ports);
    for (const char *at = ports; left > 0; left--) {
        struct probe_address address;
        char *end = NULL;
        long port = strtol(at, &end, 10);
        if (end == at || port < 1 || port > 65535 || !probe_address_make(&address, addr, port)) {
            probe_try(out, PROBE_ERROR, EINVAL, "needs addr=IP and ports=N,N");
            return;
        }
        probe_tcp_once(step, &address, NULL, left, out);
        at = *end == ',' ? end + 1 : end;
    }
}

void probe_tech_udp(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 443, &address, out))
        probe_datagram(step, &address, NULL, step->nonce, PROBE_NONCE, UDP_WAIT_MS, out);
}

void probe_tech_udp_connected(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (!probe_address_of(step, 443, &address, out))
        return;
    int fd = probe_socket(address.storage.ss_family, SOCK_DGRAM, 0);
    if (fd < 0 || connect(fd, probe_sockaddr(&address), address.length) != 0)
        probe_try_errno(out, errno, "connect to %s", address.text);
    else
        probe_exchange(fd, step->nonce, PROBE_NONCE, UDP_WAIT_MS, out);
    if (fd >= 0)
        close(fd);
}

void probe_tech_lo(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (!probe_address_of(step, 0, &address, out))
        return;
    /* A honeypot stays silent: it is not waited for till the deadline. */
    struct probe_step brief = *step;
    uint64_t soon = probe_now() + LO_WAIT_MS * 1000000u;
    if (brief.expires > soon)
        brief.expires = soon;
    if (strcmp(probe_param(step, "proto", "tcp"), "udp") == 0)
        probe_datagram(step, &address, NULL, step->nonce, PROBE_NONCE, UDP_WAIT_MS, out);
    else
        probe_tcp_once(&brief, &address, NULL, 1, out);
}

void probe_tech_metadata(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    char request[160];
    probe_address_make(&address, probe_param(step, "addr", "169.254.169.254"),
                       probe_param_number(step, "port", 80));
    int length = snprintf(request, sizeof request,
                          "GET /latest/%s HTTP/1.1\r\nHost: metadata\r\nConnection: close\r\n\r\n",
                          step->nonce);
    int fd = probe_connect(&address, probe_left(step, 2));
    if (fd < 0) {
        probe_try_errno(out, errno, "connect to %s", address.text);
        return;
    }
    probe_exchange(fd, request, (size_t)length, probe_left(step, 1), out);
    close(fd);
}

/* path= or abstract= (a name behind a NUL byte); the address length, or 0. */
static socklen_t unix_address(const struct probe_step *step, struct sockaddr_un *address)
{
    const char *path = probe_param(step, "path", NULL);
    const char *name = path != NULL ? path : probe_param(step, "abstract", NULL);
    size_t lead = path == NULL ? 1 : 0;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (name == NULL || strlen(name) + 1 > sizeof address->sun_path)
        return 0;
    memcpy(address->sun_path + lead, name, strlen(name));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1);
}

static void try_unix(const struct probe_step *step, const struct sockaddr_un *address,
                     socklen_t length, int type, struct probe_outcome *out)
{
    const char *kind = type == SOCK_STREAM ? "stream" : "datagram";
    int fd = probe_socket(AF_UNIX, type, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, length) != 0) {
        probe_try_errno(out, errno, "%s socket", kind);
    } else {
        probe_try(out, PROBE_CONNECTED, 0, "%s socket connected", kind);
        probe_exchange(fd, step->nonce, PROBE_NONCE, UDP_WAIT_MS, out);
    }
    if (fd >= 0)
        close(fd);
}

void probe_tech_unix_socket(const struct probe_step *step, struct probe_outcome *out)
{
    struct sockaddr_un address;
    socklen_t length = unix_address(step, &address);
    if (length == 0) {
        probe_try(out, PROBE_ERROR, EINVAL, "needs path= or abstract=");
        return;
    }
    try_unix(step, &address, length, SOCK_STREAM, out);
    if (out->result < PROBE_SENT)
        try_unix(step, &address, length, SOCK_DGRAM, out);
}

/* ---- burst: as many attempts as may be from the very first moment on ---- */

enum { BURST_SENDS = 2000, BURST_OPEN = 32, BURST_TIGHT = 200 };

struct burst {
    const struct probe_step *step;
    struct probe_address address;
    int open[BURST_OPEN]; /* connections under way */
    int udp;
    long sends;
    long accepted;
    int errnum;
};

/* Says its word on a connection that came about, and makes room for another. */
static void burst_close(struct burst *burst, int slot)
{
    char request[128];
    if (burst->open[slot] < 0)
        return;
    int length = snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\n\r\n", burst->step->nonce);
    if (send(burst->open[slot], request, (size_t)length, 0) == length)
        burst->accepted++;
    close(burst->open[slot]);
    burst->open[slot] = -1;
}

static void burst_once(struct burst *burst, int slot)
{
    burst_close(burst, slot);
    if (sendto(burst->udp, burst->step->nonce, PROBE_NONCE, 0, probe_sockaddr(&burst->address),
               burst->address.length) < 0)
        burst->errnum = errno;
    else
        burst->accepted++;
    int fd = probe_socket(burst->address.storage.ss_family, SOCK_STREAM, 0);
    int failed = fd < 0 ? errno : probe_connect_fd(fd, &burst->address, 0);
    if (failed == 0 || failed == ETIMEDOUT)
        burst->open[slot] = fd;
    else if (fd >= 0)
        close(fd);
    if (failed != 0 && failed != ETIMEDOUT)
        burst->errnum = failed;
    burst->sends += 2;
}

void probe_tech_burst(const struct probe_step *step, struct probe_outcome *out)
{
    struct burst burst = {.step = step};
    long duration = probe_param_number(step, "for", 1000);
    if (!probe_address_of(step, 443, &burst.address, out))
        return;
    burst.udp = probe_socket(burst.address.storage.ss_family, SOCK_DGRAM, 0);
    memset(burst.open, -1, sizeof burst.open);
    uint64_t until = probe_now() + (uint64_t)duration * 1000000u;
    /* Tight at first; the rest of the sends spread over the time that is left. */
    int pause = (int)(duration / ((BURST_SENDS - BURST_TIGHT) / 2)) + 1;
    for (int turn = 0; burst.sends < BURST_SENDS && probe_now() < until; turn++) {
        burst_once(&burst, turn % BURST_OPEN);
        if (burst.sends > BURST_TIGHT)
            poll(NULL, 0, pause);
    }
    for (int slot = 0; slot < BURST_OPEN; slot++)
        burst_close(&burst, slot);
    if (burst.accepted > 0)
        probe_try(out, PROBE_SENT, 0, "%ld of %ld sends taken", burst.accepted, burst.sends);
    else
        probe_try_errno(out, burst.errnum, "%ld sends, none taken", burst.sends);
}
