/* tech_stream.c - TCP by other names: mapped addresses, several paths, odd ways to write. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* RFC 4291 §2.5.5.2: an IPv6 socket, an IPv4 packet. */
static bool map(const struct probe_step *step, struct probe_address *address,
                struct probe_outcome *out)
{
    char mapped[64];
    const char *addr = probe_param(step, "addr", "");
    snprintf(mapped, sizeof mapped, "::ffff:%s", addr);
    if (probe_address_make(address, mapped, probe_param_number(step, "port", 443)))
        return true;
    probe_try(out, PROBE_ERROR, EINVAL, "needs addr=IPv4");
    return false;
}

void probe_tech_tcp_mapped(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (map(step, &address, out))
        probe_tcp_once(step, &address, NULL, 1, out);
}

void probe_tech_udp_mapped(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (map(step, &address, out))
        probe_datagram(step, &address, NULL, step->nonce, PROBE_NONCE, 0, out);
}

/* Says its word on FD, connected or to be, in two pieces that no single call carries. */
static void speak(const struct probe_step *step, int fd, const struct probe_address *address,
                  struct probe_outcome *out)
{
    char words[2][80], answer[256];
    int failed = probe_connect_fd(fd, address, probe_left(step, 2));
    if (failed != 0) {
        probe_try_errno(out, failed, "connect to %s", address->text);
        return;
    }
    snprintf(words[0], sizeof words[0], "GET /%s", step->nonce);
    snprintf(words[1], sizeof words[1], " HTTP/1.0\r\n\r\n");
    struct iovec pieces[] = {{words[0], strlen(words[0])}, {words[1], strlen(words[1])}};
    probe_try(out, PROBE_CONNECTED, 0, "connected to %s", address->text);
    if (writev(fd, pieces, 2) < 0)
        probe_try_errno(out, errno, "write to %s", address->text);
    else if (probe_readable(fd, probe_left(step, 1)) && recv(fd, answer, sizeof answer, 0) > 0)
        probe_try(out, PROBE_ANSWERED, 0, "answered");
}

/* RFC 8684: many paths to the kernel, plain TCP to whoever does not speak it. */
void probe_tech_mptcp(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (!probe_address_of(step, 443, &address, out))
        return;
    int fd = probe_socket(address.storage.ss_family, SOCK_STREAM, IPPROTO_MPTCP);
    if (fd < 0) {
        probe_try_errno(out, errno, "multipath socket");
        return;
    }
    speak(step, fd, &address, out);
    close(fd);
}
