#include "report/dissect.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct cursor {
    const uint8_t *at;
    size_t left;
};

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* Moves past COUNT bytes; false, and the end reached, when there are fewer. */
static bool skip(struct cursor *cursor, size_t count)
{
    bool enough = count <= cursor->left;
    size_t step = enough ? count : cursor->left;
    cursor->at += step;
    cursor->left -= step;
    return enough;
}

static void set_ports(struct cursor *cursor, struct cf_dissection *out)
{
    out->source_port = (int)get16(cursor->at);
    out->target_port = (int)get16(cursor->at + 2);
}

static void dissect_tcp(struct cursor *cursor, struct cf_dissection *out)
{
    static const char letters[] = "FSRPAUEC";
    char flags[sizeof letters], *end = flags;
    if (cursor->left < 20) {
        snprintf(out->protocol, sizeof out->protocol, "tcp, cut short");
        return;
    }
    for (int i = 0; i < 8; i++)
        if (cursor->at[13] >> i & 1)
            *end++ = letters[i];
    *end = '\0';
    set_ports(cursor, out);
    snprintf(out->protocol, sizeof out->protocol, "tcp [%s]", flags);
    skip(cursor, (size_t)(cursor->at[12] >> 4) * 4);
}

static void dissect_udp(struct cursor *cursor, struct cf_dissection *out)
{
    snprintf(out->protocol, sizeof out->protocol, cursor->left < 8 ? "udp, cut short" : "udp");
    if (cursor->left < 8)
        return;
    set_ports(cursor, out);
    skip(cursor, 8);
}

static void dissect_icmp(struct cursor *cursor, const char *name, struct cf_dissection *out)
{
    if (cursor->left < 4)
        snprintf(out->protocol, sizeof out->protocol, "%s, cut short", name);
    else
        snprintf(out->protocol, sizeof out->protocol, "%s %u/%u", name, (unsigned)cursor->at[0],
                 (unsigned)cursor->at[1]);
    skip(cursor, 8);
}

static void dissect_transport(struct cursor *cursor, unsigned protocol, struct cf_dissection *out)
{
    switch (protocol) {
    case 1:
        dissect_icmp(cursor, "icmp", out);
        break;
    case 6:
        dissect_tcp(cursor, out);
        break;
    case 17:
        dissect_udp(cursor, out);
        break;
    case 58:
        dissect_icmp(cursor, "icmp6", out);
        break;
    default:
        snprintf(out->protocol, sizeof out->protocol, "ip proto %u", protocol);
    }
}

/* Leaves out what follows the datagram: Ethernet's padding. */
static void limit(struct cursor *cursor, size_t length)
{
    if (length < cursor->left)
        cursor->left = length;
}

static void dissect_ipv4(struct cursor *cursor, struct cf_dissection *out)
{
    const uint8_t *header = cursor->at;
    size_t size = cursor->left < 20 ? 0 : (size_t)(header[0] & 15) * 4;
    snprintf(out->protocol, sizeof out->protocol, "ip, cut short");
    if (size < 20)
        return;
    inet_ntop(AF_INET, header + 12, out->source, sizeof out->source);
    inet_ntop(AF_INET, header + 16, out->target, sizeof out->target);
    if (get16(header + 2) >= size) /* 0 with segmentation offload */
        limit(cursor, get16(header + 2));
    if (!skip(cursor, size))
        return;
    if ((get16(header + 6) & 0x1fff) != 0) /* a later fragment has no transport header */
        snprintf(out->protocol, sizeof out->protocol, "ip fragment, proto %u", (unsigned)header[9]);
    else
        dissect_transport(cursor, header[9], out);
}

/* Walks hop-by-hop, routing, fragment and destination options; returns the protocol behind them,
 * or -1 for a later fragment or a chain that is cut short. */
static int skip_extensions(struct cursor *cursor, unsigned next)
{
    while (next == 0 || next == 43 || next == 44 || next == 60) {
        if (cursor->left < 8 || (next == 44 && (get16(cursor->at + 2) & 0xfff8) != 0))
            return -1;
        size_t size = next == 44 ? 8 : ((size_t)cursor->at[1] + 1) * 8;
        next = cursor->at[0];
        if (!skip(cursor, size))
            return -1;
    }
    return (int)next;
}

static void dissect_ipv6(struct cursor *cursor, struct cf_dissection *out)
{
    const uint8_t *header = cursor->at;
    snprintf(out->protocol, sizeof out->protocol, "ip6, cut short");
    if (cursor->left < 40)
        return;
    inet_ntop(AF_INET6, header + 8, out->source, sizeof out->source);
    inet_ntop(AF_INET6, header + 24, out->target, sizeof out->target);
    skip(cursor, 40);
    if (get16(header + 4) != 0) /* 0: a jumbogram, or segmentation offload */
        limit(cursor, get16(header + 4));
    int protocol = skip_extensions(cursor, header[6]);
    if (protocol < 0)
        snprintf(out->protocol, sizeof out->protocol, "ip6 fragment or options");
    else
        dissect_transport(cursor, (unsigned)protocol, out);
}

static void put_hardware(char text[64], const uint8_t *at)
{
    snprintf(text, 64, "%02x:%02x:%02x:%02x:%02x:%02x", at[0], at[1], at[2], at[3], at[4], at[5]);
}

/* ARP for IPv4 over Ethernet (RFC 826): who asks for whom. */
static void dissect_arp(struct cursor *cursor, struct cf_dissection *out)
{
    snprintf(out->protocol, sizeof out->protocol, "arp");
    if (cursor->left < 28 || get16(cursor->at + 2) != 0x0800)
        return;
    inet_ntop(AF_INET, cursor->at + 14, out->source, sizeof out->source);
    inet_ntop(AF_INET, cursor->at + 24, out->target, sizeof out->target);
}

void cf_dissect(const uint8_t *frame, size_t length, struct cf_dissection *out)
{
    struct cursor cursor = {frame, length};
    *out = (struct cf_dissection){.source_port = -1, .target_port = -1};
    snprintf(out->protocol, sizeof out->protocol, "frame, cut short");
    if (length >= 14) {
        put_hardware(out->target, frame);
        put_hardware(out->source, frame + 6);
        unsigned type = get16(frame + 12);
        skip(&cursor, 14);
        if (type == 0x0800)
            dissect_ipv4(&cursor, out);
        else if (type == 0x86dd)
            dissect_ipv6(&cursor, out);
        else if (type == 0x0806)
            dissect_arp(&cursor, out);
        else
            snprintf(out->protocol, sizeof out->protocol, "ethertype 0x%04x", type);
    }
    out->payload = cursor.at;
    out->payload_length = cursor.left;
}
