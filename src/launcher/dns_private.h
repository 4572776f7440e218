/* dns_private.h - what the stub's files share. */
#ifndef FIRMA_DNS_PRIVATE_H
#define FIRMA_DNS_PRIVATE_H

#include "launcher/dns_message.h"
#include "launcher/dns_stub.h"
#include "launcher/peer.h"

enum {
    DNS_CONNECTIONS = 32,
    DNS_IDLE_MS = 3000,     /* for one whole message to come, and its answer to go */
    DNS_TCP_MESSAGE = 4096, /* the longest message that is read; a question needs 271 bytes */
};

struct dns_conn;

struct firma_dns_stub {
    struct firma_loop *loop;
    uid_t owner;
    uint16_t port;
    struct sockaddr_in address; /* 127.0.0.1:port */
    struct firma_watch udp, tcp;
    bool merge;               /* firma_datagrams_merge(udp) */
    struct firma_timer pause; /* after accept(2) ran out of something */
    struct firma_peer peer;   /* of both */
    struct dns_conn *conns;
    unsigned conn_count;
};

/* dns_tcp.c */
void firma_dns_tcp_ready(void *stub, unsigned events);
void firma_dns_tcp_resume(void *stub);
void firma_dns_tcp_close_all(struct firma_dns_stub *stub);

#endif
