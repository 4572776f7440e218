/*
 * dissect.h - an Ethernet frame, taken apart far enough for one line about it.
 *
 * IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), TCP (RFC 9293), UDP (RFC 768), ICMP,
 * ICMPv6, ARP; everything else by number. Nothing is read beyond what was captured.
 */
#ifndef CF_REPORT_DISSECT_H
#define CF_REPORT_DISSECT_H

#include <stddef.h>
#include <stdint.h>

struct cf_dissection {
    char protocol[32]; /* "tcp [S]", "udp", "icmp 8/0", "ip proto 132", "ethertype 0x88cc" */
    char source[64];   /* an address, or a hardware address below IP */
    char target[64];
    int source_port; /* -1: none */
    int target_port;
    const uint8_t *payload; /* within the frame */
    size_t payload_length;
};

void cf_dissect(const uint8_t *frame, size_t length, struct cf_dissection *out);

#endif
