/* datagrams.h - datagrams by the batch: under load most of a short one's cost is the system call.
 */
#ifndef FIRMA_DATAGRAMS_H
#define FIRMA_DATAGRAMS_H

#include <netinet/in.h>
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

/* Sends each of the COUNT to its peer. One that cannot go is lost, as datagrams are. */
void firma_datagrams_send(int fd, struct firma_datagram *datagrams, int count);

#endif
