/*
 * leak.h - a road out of a guest, for broken runners only.
 *
 * What looks like a network to the guest is a device whose other end a carrier process holds; what
 * the carrier lets pass it sends again, unchanged, from the host's network. The device has the
 * host's own addresses, so a packet looks as if the host had sent it. A defect is described, not
 * programmed: which packets, and when.
 *
 *     int road[2];
 *     fake_leak_open(road);                    // in the host's network, before the guest is born
 *     fake_leak_start(&leak, road);            // in the guest's, while it is still all-powerful
 *
 * Only what a leak carries is routed to it: everything else finds no route, as in a sound guest.
 * Works in the suite's lab alone, which gives its runner CAP_NET_RAW over a network of its own.
 */
#ifndef FAKE_LEAK_H
#define FAKE_LEAK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* When a packet may pass; the carrier judges each one as it comes. */
enum fake_leak_when {
    FAKE_LEAK_ALWAYS,
    FAKE_LEAK_LATE,          /* from the fifth second after the start on */
    FAKE_LEAK_UNTIL_PROXIED, /* until the guest's first connection to its proxy */
    FAKE_LEAK_SIDECAR_DEAD,  /* while the proxy answers 5xx, or not at all */
    FAKE_LEAK_AFTER_VOLUME,  /* once 32 KiB went to the proxy */
    FAKE_LEAK_AFTER_OPENS,   /* from the eighth connection to the proxy on */
    FAKE_LEAK_AFTER_DENIED,  /* once the proxy has answered 403 */
    FAKE_LEAK_AFTER_PAUSE    /* once the carrier itself was stopped and continued */
};

struct fake_leak {
    int family;          /* AF_INET, AF_INET6, or 0 for both */
    const char *proto;   /* "tcp", "udp", "udplite", "icmp": as ip-rule(8) spells them */
    uint16_t port;       /* destination; 0: any */
    uint16_t source;     /* port; 0: any */
    uint8_t tos;         /* 0: any */
    bool fragments;      /* only those behind the first, which have no ports */
    const char *address; /* destination, of FAMILY; NULL: any */
    enum fake_leak_when when;
    uint16_t proxy; /* the guest's proxy port; for what WHEN says of it */
};

/* Opens the sockets ROAD that packets leave by, in the current network. 0, or -1 and errno. */
int fake_leak_open(int road[2]);

/* What leaves by ROAD is dropped by a rule of the current network's firewall, for as long as there
 * is one. 0, or -1. */
int fake_leak_guard(const int road[2]);

/* Makes device, addresses and routes in the current network and forks the carrier, which takes
 * over ROAD and lives as long as the pid namespace. 0, or -1. */
int fake_leak_start(const struct fake_leak *leak, const int road[2]);

#endif
