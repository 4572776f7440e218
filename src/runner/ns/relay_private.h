/* relay_private.h - what relay.c, relay_stream.c and relay_datagram.c share. */
#ifndef FIRMA_NS_RELAY_PRIVATE_H
#define FIRMA_NS_RELAY_PRIVATE_H

#include <netinet/in.h>

#include "runner/ns/events.h"
#include "runner/ns/relay.h"

enum {
    RELAY_CONNECTIONS = 2048, /* at once; beyond that the guest waits in the listeners' backlogs */
    RELAY_FLOWS = 128,        /* UDP clients at once; a new one replaces the one idle longest */
    RELAY_BUFFER = 32 * 1024  /* bytes in flight, each direction of each connection */
};

struct relay_port {
    struct firma_relay *relay;
    struct firma_ns_watch watch;
    bool datagram;
    uint16_t upstream;
};

struct relay_connection;
struct relay_flow;

struct firma_relay {
    int events;
    bool starved; /* the last accept failed for want of something of the system's */
    bool paused;  /* not accepting streams */
    size_t limit; /* of connections */
    size_t connection_count;
    struct relay_connection *connections;
    struct relay_flow *flows; /* RELAY_FLOWS of them */
    uint64_t clock;           /* counts datagrams: the flows' notion of age */
    size_t port_count;
    struct relay_port ports[FIRMA_GUEST_LISTENERS];
};

/* A CLOEXEC, non-blocking socket of TYPE, connected or connecting to the host's 127.0.0.1:PORT; -1
 * and errno. */
int relay_dial(int type, uint16_t port);
/* Stops or starts accepting streams. */
void relay_pause(struct firma_relay *relay, bool pause);

/* relay_stream.c */
void relay_accept(void *port, uint32_t events);
void relay_cut_all(struct firma_relay *relay);

/* relay_datagram.c */
int relay_flows_open(struct firma_relay *relay);
void relay_forward(void *port, uint32_t events);
void relay_flows_close(struct firma_relay *relay);

#endif
