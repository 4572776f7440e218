/* tech_raw.c - below TCP and UDP: ICMP, other IP protocols. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

/* RFC 792, RFC 4443: an echo request of either family. */
struct echo {
    uint8_t type;
    uint8_t code;
    uint8_t checksum[2];
    uint8_t identifier[2];
    uint8_t sequence[2];
    char payload[PROBE_NONCE];
};

enum { ECHO4 = 8, ECHO6 = 128, SCTP = 132, UDPLITE = 136 };

static void checksum(void *data, size_t length, uint8_t out[2])
{
    const uint8_t *at = data;
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)at[i] << 8 | at[i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    out[0] = (uint8_t)(~sum >> 8);
    out[1] = (uint8_t)~sum;
}

static void echo(const struct probe_step *step, int family, int type, struct probe_outcome *out)
{
    struct probe_address address;
    struct echo packet = {.type = family == AF_INET ? ECHO4 : ECHO6, .sequence = {0, 1}};
    if (!probe_address_of(step, 0, &address, out))
        return;
    int protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    const char *kind = type == SOCK_RAW ? "raw socket" : "ping socket";
    memcpy(packet.payload, step->nonce, PROBE_NONCE);
    if (family == AF_INET) /* the kernel does it for the other */
        checksum(&packet, sizeof packet, packet.checksum);
    int fd = probe_socket(family, type, protocol);
    if (fd < 0 || connect(fd, probe_sockaddr(&address), address.length) != 0) {
        probe_try_errno(out, errno, "%s to %s", kind, address.text);
    } else {
        int left = probe_left(step, 1);
        probe_exchange(fd, &packet, sizeof packet, left < 500 ? left : 500, out);
    }
    if (fd >= 0)
        close(fd);
}

void probe_tech_icmp_echo(const struct probe_step *step, struct probe_outcome *out)
{
    echo(step, AF_INET, SOCK_DGRAM, out);
}

void probe_tech_icmp_raw(const struct probe_step *step, struct probe_outcome *out)
{
    echo(step, AF_INET, SOCK_RAW, out);
}

void probe_tech_icmp6_echo(const struct probe_step *step, struct probe_outcome *out)
{
    echo(step, AF_INET6, SOCK_DGRAM, out);
}

void probe_tech_icmp6_raw(const struct probe_step *step, struct probe_outcome *out)
{
    echo(step, AF_INET6, SOCK_RAW, out);
}

static void raw(const struct probe_step *step, int protocol, const void *data, size_t length,
                struct probe_outcome *out)
{
    struct probe_address address;
    if (!probe_address_of(step, 0, &address, out))
        return;
    /* A raw IPv6 socket wants the port to be zero or the protocol. */
    if (address.storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address.storage)->sin6_port = 0;
    int fd = probe_socket(address.storage.ss_family, SOCK_RAW, protocol);
    if (fd < 0 || sendto(fd, data, length, 0, probe_sockaddr(&address), address.length) < 0)
        probe_try_errno(out, errno, "protocol %d to %s", protocol, address.text);
    else
        probe_try(out, PROBE_SENT, 0, "protocol %d to %s", protocol, address.text);
    if (fd >= 0)
        close(fd);
}

void probe_tech_raw_ip(const struct probe_step *step, struct probe_outcome *out)
{
    raw(step, (int)probe_param_number(step, "proto", 253), step->nonce, PROBE_NONCE, out);
}

/* RFC 9260 §3.3.2: an INIT chunk, the nonce as an unknown parameter. The checksum stays wrong: no
 * host needs to accept it for it to have left. */
void probe_tech_sctp_raw(const struct probe_step *step, struct probe_outcome *out)
{
    unsigned char packet[12 + 20 + 4 + PROBE_NONCE] = {
        0x13, 0x88, 0x13, 0x88,
        0,    0,    0,    0,
        0,    0,    0,    0,                    /* ports 5000, tag, checksum */
        1,    0,    0,    20 + 4 + PROBE_NONCE, /* INIT */
        1,    2,    3,    4,
        0,    1,    0,    0,
        0,    1,    0,    1,
        0,    0,    0,    1,
        0x80, 0xff, 0,    4 + PROBE_NONCE, /* a parameter to skip */
    };
    long port = probe_param_number(step, "port", 5000);
    packet[2] = (unsigned char)(port >> 8);
    packet[3] = (unsigned char)port;
    memcpy(packet + 36, step->nonce, PROBE_NONCE);
    raw(step, SCTP, packet, sizeof packet, out);
}

void probe_tech_udplite(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (!probe_address_of(step, 443, &address, out))
        return;
    int fd = probe_socket(address.storage.ss_family, SOCK_DGRAM, UDPLITE);
    if (fd < 0 ||
        sendto(fd, step->nonce, PROBE_NONCE, 0, probe_sockaddr(&address), address.length) < 0)
        probe_try_errno(out, errno, "UDP-Lite to %s", address.text);
    else
        probe_try(out, PROBE_SENT, 0, "UDP-Lite to %s", address.text);
    if (fd >= 0)
        close(fd);
}
