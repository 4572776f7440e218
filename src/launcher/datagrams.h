/* datagrams.h - datagrams by the batch: under load most of a short one's cost is the system call.
 */
#ifndef FIRMA_DATAGRAMS_H
#define FIRMA_DATAGRAMS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIRMA_DATAGRAMS = 64, FIRMA_DATAGRAM_BYTES = 512 };

struct firma_datagram {
    struct sockaddr_in peer;
    size_t length;
    uint8_t data[FIRMA_DATAGRAM_BYTES];
};

/* Takes what waits at FD, which does not block, at most FIRMA_DATAGRAMS; what is longer than
 * FIRMA_DATAGRAM_BYTES is cut. Returns how many, or -1 with errno. */
int firma_datagrams_receive(int fd, struct firma_datagram out[FIRMA_DATAGRAMS]);

/* Whether FD's kernel takes several datagrams to one peer as one and parts them where they arrive:
 * then the way there is paid for once. */
bool firma_datagrams_merge(int fd);

/* Sends each of the COUNT to its peer, in order; with MERGE (firma_datagrams_merge) those that
 * follow each other to one peer go as one. One that cannot go is lost, as datagrams are. */
void firma_datagrams_send(int fd, struct firma_datagram *datagrams, int count, bool merge);

static inline bool firma_same_peer(const struct sockaddr_in *one, const struct sockaddr_in *other)
{
    return one->sin_port == other->sin_port && one->sin_addr.s_addr == other->sin_addr.s_addr;
}

#endif
