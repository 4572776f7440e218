/*
 * nic.h - a network device for a machine, for broken runners only.
 *
 *     int road = fake_nic_open();                          // in the host's network
 *     fake_nic_plug_in(FAKE_NIC_LINK, road, words, &count); // once the other words are there
 *
 * adds the words by which QEMU gets such a device, and forks what has to stand behind it. That
 * lives as long as the machine's pid namespace. Works in the suite's lab alone, whose link is all
 * that it leads to.
 */
#ifndef FAKE_NIC_H
#define FAKE_NIC_H

#include <stddef.h>

enum fake_nic {
    FAKE_NIC_USER,       /* QEMU's own network: router, resolver, whatever the host reaches */
    FAKE_NIC_RESTRICTED, /* the same, cut off (restrict=on), but for a resolver over TCP */
    FAKE_NIC_LINK,       /* a bridge to the host's link */
    FAKE_NIC_ANNOUNCED   /* a bridge whose host's end tells the neighbours of the machine at once */
};

/* A road to the host's link, or -1 and errno; the others need none. */
int fake_nic_open(void);

/* Appends to the *COUNT words of WORDS. The first two kinds dial from the network they are started
 * in. 0, or -1. */
int fake_nic_plug_in(enum fake_nic kind, int road, char **words, size_t *count);

#endif
