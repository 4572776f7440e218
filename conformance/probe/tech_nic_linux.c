/*
 * tech_nic_linux.c - every network device that is there, used in every way a guest's root can.
 *
 * A machine shall have none. Where there is one, what is behind it may be a link, a hypervisor's
 * own network (10.0.2.0/24 by custom: a router at .2, a resolver at .3), or nothing at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net.h"
#include "netlink_linux.h"
#include "techniques.h"

struct through {
    const struct probe_step *step;
    struct probe_outcome *out;
    const void *frame; /* of the techniques that send one */
    size_t length;
};

static void note(struct probe_outcome *out, const char *what, const char *name, int failed)
{
    probe_try(out, PROBE_ERROR, 0, "%s %s: %s", what, name,
              failed == 0 ? "done" : probe_errno_name(failed));
}

static void nobody(size_t count, struct probe_outcome *out)
{
    if (count == 0)
        probe_try_errno(out, ENODEV, "no interface but the loopback");
}

/* ---- nic: up, and then as then= says ---- */

static void bring_up(const char *name, unsigned index, void *context)
{
    struct through *through = context;
    note(through->out, "up", name, probe_link_up(index));
    /* One of the kernel's own making is not to be used for a second or two (RFC 4862 §5.4). */
    if (probe_owns_kernel(through->step->self))
        note(through->out, "fe80::66 on", name, probe_link_address(index, "fe80::66", 64));
}

void probe_tech_nic(const struct probe_step *step, struct probe_outcome *out)
{
    struct through through = {.step = step, .out = out};
    nobody(probe_interfaces(bring_up, &through), out);
    probe_then(step, out);
}

/* ---- usernet: the address and the router that such networks give ---- */

static void configure(const char *name, unsigned index, void *context)
{
    struct through *through = context;
    note(through->out, "up", name, probe_link_up(index));
    note(through->out, "10.0.2.15 on", name, probe_link_address(index, "10.0.2.15", 24));
    note(through->out, "fec0::15 on", name, probe_link_address(index, "fec0::15", 64));
    note(through->out, "route by", name, probe_route_add(AF_INET, index, "10.0.2.2"));
    note(through->out, "route6 by", name, probe_route_add(AF_INET6, index, "fec0::2"));
}

static void restore(const char *name, unsigned index, void *context)
{
    (void)name, (void)context;
    probe_route_remove(AF_INET, index, "10.0.2.2");
    probe_route_remove(AF_INET6, index, "fec0::2");
    probe_link_unaddress(index, "10.0.2.15", 24);
    probe_link_unaddress(index, "fec0::15", 64);
}

void probe_tech_usernet(const struct probe_step *step, struct probe_outcome *out)
{
    struct through through = {.step = step, .out = out};
    /* What was added is taken away again, whatever becomes of the attempt: it gets half the time.
     */
    struct probe_step half = *step;
    nobody(probe_interfaces(configure, &through), out);
    half.expires -= (uint64_t)probe_left(step, 2) * 1000000u;
    probe_then(&half, out);
    probe_interfaces(restore, &through);
}

/* ---- frames by hand ---- */

static void emit(const char *name, unsigned index, void *context)
{
    struct through *through = context;
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)index, .sll_halen = 6};
    memset(to.sll_addr, 0xff, 6);
    probe_link_up(index);
    int fd = probe_socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0 ||
        sendto(fd, through->frame, through->length, 0, (struct sockaddr *)&to, sizeof to) < 0)
        probe_try_errno(through->out, errno, "%s out of %s", through->step->technique, name);
    else
        probe_try(through->out, PROBE_SENT, 0, "%s out of %s", through->step->technique, name);
    if (fd >= 0)
        close(fd);
}

static void emit_everywhere(const struct probe_step *step, const void *frame, size_t length,
                            struct probe_outcome *out)
{
    struct through through = {.step = step, .out = out, .frame = frame, .length = length};
    nobody(probe_interfaces(emit, &through), out);
}

#define TO_ALL  0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define FROM_US 0x02, 0x66, 0x69, 0x72, 0x6d, 0x61

/* RFC 826: a reply nobody asked for, that says the step's address is ours; the nonce pads it. */
void probe_tech_arp_spoof(const struct probe_step *step, struct probe_outcome *out)
{
    unsigned char frame[14 + 28 + PROBE_NONCE] = {
        TO_ALL, FROM_US, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 2, FROM_US, 0, 0, 0, 0, TO_ALL};
    struct probe_address address;
    if (!probe_address_of(step, 0, &address, out) || address.storage.ss_family != AF_INET)
        return;
    const struct sockaddr_in *at = (const struct sockaddr_in *)&address.storage;
    memcpy(frame + 28, &at->sin_addr, 4);
    memcpy(frame + 38, &at->sin_addr, 4);
    memcpy(frame + 42, step->nonce, PROBE_NONCE);
    emit_everywhere(step, frame, sizeof frame, out);
}

static unsigned sum_words(const unsigned char *at, size_t length, unsigned sum)
{
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (unsigned)at[i] << 8 | at[i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* RFC 4861 §4.2: "I am your router", the nonce in an option of an experimental kind (253). */
void probe_tech_router_advert(const struct probe_step *step, struct probe_outcome *out)
{
    enum { IP = 14, ICMP = IP + 40, OPTION = ICMP + 16, END = OPTION + 8 + PROBE_NONCE };
    unsigned char frame[END] = {0x33, 0x33, 0, 0, 0, 1, FROM_US, 0x86, 0xdd, 0x60};
    unsigned payload = END - ICMP;
    frame[IP + 4] = (unsigned char)(payload >> 8);
    frame[IP + 5] = (unsigned char)payload;
    frame[IP + 6] = IPPROTO_ICMPV6;
    frame[IP + 7] = 255;
    inet_pton(AF_INET6, "fe80::66:6972:6d61", frame + IP + 8);
    inet_pton(AF_INET6, "ff02::1", frame + IP + 24);
    memcpy(frame + ICMP, (unsigned char[]){134, 0, 0, 0, 64, 0, 0x07, 0x08}, 8);
    frame[OPTION] = 253;
    frame[OPTION + 1] = (8 + PROBE_NONCE) / 8;
    memcpy(frame + OPTION + 8, step->nonce, PROBE_NONCE);
    unsigned sum = sum_words(frame + IP + 8, 32, payload + IPPROTO_ICMPV6);
    sum = ~sum_words(frame + ICMP, payload, sum) & 0xffff;
    frame[ICMP + 2] = (unsigned char)(sum >> 8);
    frame[ICMP + 3] = (unsigned char)sum;
    emit_everywhere(step, frame, sizeof frame, out);
}

/* RFC 2131: a DISCOVER whose host name (option 12) is the nonce. UDP without a checksum. */
void probe_tech_dhcp_frame(const struct probe_step *step, struct probe_outcome *out)
{
    enum { IP = 14, UDP = IP + 20, BOOTP = UDP + 8, OPTIONS = BOOTP + 240 };
    enum { END = OPTIONS + 3 + 2 + PROBE_NONCE + 1 };
    unsigned char frame[END] = {TO_ALL, FROM_US, 0x08, 0x00, 0x45};
    frame[IP + 2] = (END - IP) >> 8;
    frame[IP + 3] = (unsigned char)(END - IP);
    frame[IP + 8] = 64;
    frame[IP + 9] = IPPROTO_UDP;
    memset(frame + IP + 16, 0xff, 4);
    unsigned sum = ~sum_words(frame + IP, 20, 0) & 0xffff;
    frame[IP + 10] = (unsigned char)(sum >> 8);
    frame[IP + 11] = (unsigned char)sum;
    memcpy(frame + UDP,
           (unsigned char[]){0, 68, 0, 67, (END - UDP) >> 8, (unsigned char)(END - UDP)}, 6);
    memcpy(frame + BOOTP, (unsigned char[]){1, 1, 6, 0, 'f', 'i', 'r', 'm', 0, 0, 0x80}, 11);
    memcpy(frame + BOOTP + 28, (unsigned char[]){FROM_US}, 6);
    memcpy(frame + BOOTP + 236, (unsigned char[]){0x63, 0x82, 0x53, 0x63}, 4);
    memcpy(frame + OPTIONS, (unsigned char[]){53, 1, 1, 12, PROBE_NONCE}, 5);
    memcpy(frame + OPTIONS + 5, step->nonce, PROBE_NONCE);
    frame[END - 1] = 0xff;
    emit_everywhere(step, frame, sizeof frame, out);
}
