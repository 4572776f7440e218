/* tech_options_linux.c - TCP with socket options that shift or mark what a rule may look at. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

void probe_tech_tcp_fastopen(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    char request[128];
    int on = 1;
    if (!probe_address_of(step, 443, &address, out))
        return;
    int length = snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\n\r\n", step->nonce);
    int fd = probe_socket(address.storage.ss_family, SOCK_STREAM, 0);
    /* Without a cookie of that host the kernel would leave the data out of the SYN. */
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on, sizeof on);
    if (fd < 0 || sendto(fd, request, (size_t)length, MSG_FASTOPEN, probe_sockaddr(&address),
                         address.length) < 0)
        probe_try_errno(out, errno, "fast open to %s", address.text);
    else
        probe_try(out, PROBE_SENT, 0, "fast open to %s", address.text);
    if (out->result >= PROBE_SENT && probe_readable(fd, probe_left(step, 1)) &&
        recv(fd, request, sizeof request, 0) > 0)
        probe_try(out, PROBE_ANSWERED, 0, "answered");
    if (fd >= 0)
        close(fd);
}

static bool set_mark(int fd, const struct probe_step *step, struct probe_outcome *out)
{
    int mark = (int)probe_param_number(step, "mark", 1);
    if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
        probe_try_errno(out, errno, "SO_MARK");
    return true; /* the attempt is worth making unmarked, too */
}

void probe_tech_so_mark(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 443, &address, out))
        probe_tcp_once(step, &address, set_mark, 1, out);
}

/* Binds FD to the host's own address, whether or not it is ours here. */
static bool bind_source(int fd, const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address source, target;
    int on = 1;
    if (!probe_address_of(step, 443, &target, out))
        return false;
    bool six = target.storage.ss_family == AF_INET6;
    const char *text = probe_param(step, "source", six ? "2001:db8:1::2" : "203.0.113.2");
    if (!probe_address_make(&source, text, 0) ||
        source.storage.ss_family != target.storage.ss_family)
        return false;
    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on);
    if (bind(fd, probe_sockaddr(&source), source.length) != 0) {
        probe_try_errno(out, errno, "bind to %s", text);
        return false;
    }
    probe_try(out, PROBE_ERROR, 0, "bound to %s", text);
    return true;
}

void probe_tech_source_bind(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 443, &address, out))
        probe_tcp_once(step, &address, bind_source, 1, out);
}

struct bound {
    const struct probe_step *step;
    const struct probe_address *address;
    struct probe_outcome *out;
};

static void try_device(const char *name, unsigned index, void *context)
{
    struct bound *bound = context;
    char request[128];
    (void)index;
    int length = snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\n\r\n", bound->step->nonce);
    int fd = probe_socket(bound->address->storage.ss_family, SOCK_STREAM, 0);
    int failed = fd < 0 ? errno : 0;
    if (failed == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) != 0)
        failed = errno;
    if (failed == 0)
        failed = probe_connect_fd(fd, bound->address, probe_left(bound->step, 4));
    if (failed != 0) {
        probe_try_errno(bound->out, failed, "through %s", name);
    } else {
        probe_try(bound->out, PROBE_CONNECTED, 0, "connected through %s", name);
        probe_exchange(fd, request, (size_t)length, probe_left(bound->step, 2), bound->out);
    }
    if (fd >= 0)
        close(fd);
}

void probe_tech_bindtodevice(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    struct bound bound = {.step = step, .address = &address, .out = out};
    if (!probe_address_of(step, 443, &address, out))
        return;
    if (probe_interfaces(try_device, &bound) == 0)
        probe_try_errno(out, ENODEV, "no interface but the loopback");
}
