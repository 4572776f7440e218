/* peer_other.c - systems that do not tell a loopback peer's user: a declared residual. */
#include "launcher/peer.h"

int firma_peer_open(struct firma_peer *out, int protocol, int self, struct firma_error *err)
{
    (void)protocol;
    (void)self;
    (void)err;
    out->fd = -1;
    return 0;
}

int firma_peer_prove(struct firma_peer *peer, int protocol, int self, struct firma_error *err)
{
    (void)peer;
    (void)protocol;
    (void)self;
    (void)err;
    return 0;
}

void firma_peer_close(struct firma_peer *peer)
{
    peer->fd = -1;
}

bool firma_peer_is(struct firma_peer *peer, int protocol, const struct sockaddr_in *remote,
                   const struct sockaddr_in *local, uid_t owner)
{
    (void)peer;
    (void)protocol;
    (void)remote;
    (void)local;
    (void)owner;
    return true;
}
