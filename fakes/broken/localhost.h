/*
 * localhost.h - a localhost that host and guest share, for broken runners only.
 *
 * Published: what the guest listens on from port 20000 to 27999 is reached at the same port of the
 * host's own addresses. Shared: and what the guest asks of its loopback, from port 20000 on, is
 * asked of the host's. A process of the guest's carries both; rules of either network's firewall
 * lead to it. Works in the suite's lab alone, which gives its runner CAP_NET_ADMIN over a network
 * of its own.
 *
 *     struct fake_localhost shared;
 *     fake_localhost_open(&shared);                   // in the host's network
 *     fake_localhost_start(&shared, true, contract);  // in the guest's, while it is all-powerful
 */
#ifndef FAKE_LOCALHOST_H
#define FAKE_LOCALHOST_H

#include <stdbool.h>
#include <stdint.h>

enum { FAKE_LOCALHOST_DIALS = 64 };

/* Sockets of the host's network: two that are knocked at, and some of each family to dial with. */
struct fake_localhost {
    int stream, datagram;
    int dials[2][FAKE_LOCALHOST_DIALS];
    int ask[2];
};

/* 0, or -1 and errno. */
int fake_localhost_open(struct fake_localhost *localhost);
/* OWN are the two ports of the guest's loopback that are its own: proxy and DNS stub. 0, or -1. */
int fake_localhost_start(const struct fake_localhost *localhost, bool shared,
                         const uint16_t own[2]);

#endif
