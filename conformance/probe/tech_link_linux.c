/* tech_link_linux.c - beneath and beside the routes: frames, the gateway. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "netlink_linux.h"
#include "techniques.h"

enum { ETHERNET = 14, IP4 = 20, IP6 = 40, UDP = 8 };

struct frame {
    const struct probe_step *step;
    struct probe_outcome *out;
    struct probe_address address;
    unsigned char data[ETHERNET + IP6 + UDP + PROBE_NONCE];
    size_t length;
};

static void set16(unsigned char *at, unsigned value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

static unsigned header_sum(const unsigned char *header, size_t length)
{
    unsigned sum = 0;
    for (size_t i = 0; i < length; i += 2)
        sum += (unsigned)header[i] << 8 | header[i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static size_t put_ip4(struct frame *frame)
{
    unsigned char *ip = frame->data + ETHERNET;
    const struct sockaddr_in *to = (const struct sockaddr_in *)&frame->address.storage;
    static const unsigned char source[4] = {203, 0, 113, 2};
    ip[0] = 0x45;
    set16(ip + 2, IP4 + UDP + PROBE_NONCE);
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    memcpy(ip + 12, source, 4);
    memcpy(ip + 16, &to->sin_addr, 4);
    set16(ip + 10, header_sum(ip, IP4));
    set16(frame->data + 12, 0x0800);
    return IP4;
}

static size_t put_ip6(struct frame *frame)
{
    unsigned char *ip = frame->data + ETHERNET;
    const struct sockaddr_in6 *to = (const struct sockaddr_in6 *)&frame->address.storage;
    struct in6_addr source;
    inet_pton(AF_INET6, "2001:db8:1::2", &source);
    ip[0] = 0x60;
    set16(ip + 4, UDP + PROBE_NONCE);
    ip[6] = IPPROTO_UDP;
    ip[7] = 64;
    memcpy(ip + 8, &source, 16);
    memcpy(ip + 24, &to->sin6_addr, 16);
    set16(frame->data + 12, 0x86dd);
    return IP6;
}

/* A UDP checksum of zero: fine over IPv4, dropped by an IPv6 receiver, but out all the same. */
static void build(struct frame *frame)
{
    bool six = frame->address.storage.ss_family == AF_INET6;
    memset(frame->data, 0xff, 6); /* to everybody */
    memcpy(frame->data + 6, "\x02\x66\x69\x72\x6d\x61", 6);
    size_t ip = six ? put_ip6(frame) : put_ip4(frame);
    unsigned char *udp = frame->data + ETHERNET + ip;
    set16(udp, 40000);
    set16(udp + 2, (unsigned)probe_param_number(frame->step, "port", 443));
    set16(udp + 4, UDP + PROBE_NONCE);
    memcpy(udp + UDP, frame->step->nonce, PROBE_NONCE);
    frame->length = ETHERNET + ip + UDP + PROBE_NONCE;
}

static void inject(const char *name, unsigned index, void *context)
{
    struct frame *frame = context;
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)index, .sll_halen = 6};
    memset(to.sll_addr, 0xff, 6);
    probe_link_up(index); /* one that is down may be there all the same */
    int fd = probe_socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0 || sendto(fd, frame->data, frame->length, 0, (struct sockaddr *)&to, sizeof to) < 0)
        probe_try_errno(frame->out, errno, "frame out of %s", name);
    else
        probe_try(frame->out, PROBE_SENT, 0, "frame out of %s", name);
    if (fd >= 0)
        close(fd);
}

void probe_tech_packet(const struct probe_step *step, struct probe_outcome *out)
{
    struct frame frame = {.step = step, .out = out};
    if (!probe_address_of(step, 443, &frame.address, out))
        return;
    build(&frame);
    if (probe_interfaces(inject, &frame) == 0)
        probe_try_errno(out, ENODEV, "no interface but the loopback");
}

/* ---- the gateway: the default route's, else the first address of each network ---- */

static bool default_gateway(char *text, size_t size)
{
    char line[256], name[32];
    unsigned target, gateway;
    bool found = false;
    FILE *routes = fopen("/proc/net/route", "re");
    while (routes != NULL && !found && fgets(line, sizeof line, routes) != NULL) {
        struct in_addr address;
        if (sscanf(line, "%31s %x %x", name, &target, &gateway) != 3 || target != 0 || gateway == 0)
            continue;
        address.s_addr = gateway; /* printed as the word lies in memory */
        found = inet_ntop(AF_INET, &address, text, (socklen_t)size) != NULL;
    }
    if (routes != NULL)
        fclose(routes);
    return found;
}

static bool first_address(char *text, size_t size)
{
    struct ifaddrs *list = NULL;
    bool found = false;
    if (getifaddrs(&list) != 0)
        return false;
    for (struct ifaddrs *at = list; at != NULL && !found; at = at->ifa_next) {
        if (at->ifa_addr == NULL || at->ifa_netmask == NULL || at->ifa_addr->sa_family != AF_INET ||
            (at->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        struct in_addr own = ((struct sockaddr_in *)at->ifa_addr)->sin_addr;
        struct in_addr mask = ((struct sockaddr_in *)at->ifa_netmask)->sin_addr;
        own.s_addr = htonl(ntohl(own.s_addr & mask.s_addr) + 1);
        found = inet_ntop(AF_INET, &own, text, (socklen_t)size) != NULL;
    }
    freeifaddrs(list);
    return found;
}

void probe_tech_gateway(const struct probe_step *step, struct probe_outcome *out)
{
    char text[INET6_ADDRSTRLEN];
    struct probe_address address;
    static const long ports[] = {22, 53, 80, 111, 443, 631, 2375, 6443};
    size_t count = sizeof ports / sizeof *ports;
    const char *given = probe_param(step, "addr", NULL);
    if (given != NULL)
        snprintf(text, sizeof text, "%s", given);
    else if (!default_gateway(text, sizeof text) && !first_address(text, sizeof text)) {
        probe_try_errno(out, ENETUNREACH, "no gateway and no network");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (probe_address_make(&address, text, ports[i]))
            probe_tcp_once(step, &address, NULL, count - i, out);
    }
}
