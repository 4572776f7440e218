/* peer.h - whose process is at the other end of a loopback connection or datagram? */
#ifndef FIRMA_PEER_H
#define FIRMA_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "firma_run.h"

/* What the system answers with; {-1} when closed. */
struct firma_peer {
    int fd;         /* Linux: a NETLINK_SOCK_DIAG socket; elsewhere -1 */
    uint32_t asked; /* the latest question's number, which its answer carries */
};

/* Opens the system's socket diagnostics and proves that they work, on the bound socket SELF of
 * PROTOCOL (IPPROTO_TCP or IPPROTO_UDP): FIRMA_E_SYSTEM where they do not, for then every peer
 * would be turned away in silence. */
int firma_peer_open(struct firma_peer *out, int protocol, int self, struct firma_error *err);
/* Proves that they work for one more protocol. */
int firma_peer_prove(struct firma_peer *peer, int protocol, int self, struct firma_error *err);
void firma_peer_close(struct firma_peer *peer);

/* True when the socket at REMOTE that talks to LOCAL is open and belongs to OWNER. Linux: by the
 * socket's own uid (sock_diag(7)), also for a socket bound to every address or to both families;
 * not found is false. Elsewhere the system does not tell and the answer is true: the launcher
 * declares this residual. */
bool firma_peer_is(struct firma_peer *peer, int protocol, const struct sockaddr_in *remote,
                   const struct sockaddr_in *local, uid_t owner);

#endif
