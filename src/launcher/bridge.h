/*
 * bridge.h - the loopback HTTP/1.1 forward proxy in front of the operator's sidecar.
 *
 * Takes what a guest asks (absolute-form requests, CONNECT, `OPTIONS *`), puts the authoritative
 * x-firma-* headers in place of any the guest made up, and relays to the sidecar: never to anybody
 * else. What it cannot relay beyond doubt it refuses and closes (400, 431, 417; 408 for a slow
 * head). When the sidecar fails it answers 502 or 504 with `Proxy-Status: firma-bridge; error=…`
 * (RFC 9209). One request of a guest connection is in flight at a time, on a sidecar connection
 * that no other guest connection ever uses; HTTP follows RFC 9110 and RFC 9112. Trailer fields are
 * checked, then dropped.
 *
 *     struct firma_bridge_config config = {.sidecar = &endpoint, .headers = headers,
 *                                          .header_count = count, .owner = getuid()};
 *     struct firma_bridge *bridge;
 *     if (firma_bridge_open(&bridge, loop, &config, err) != 0)
 *         return -err->code;
 *     printf("http://127.0.0.1:%u\n", firma_bridge_port(bridge));
 *     firma_loop_run(loop, err);
 *     firma_bridge_close(bridge);
 */
#ifndef FIRMA_BRIDGE_H
#define FIRMA_BRIDGE_H

#include <stdint.h>
#include <sys/types.h>

#include "launcher/endpoint.h"
#include "launcher/loop.h"

struct firma_header {
    char *name;
    char *value;
};

/* A connection holds at most two descriptors and four buffers of about 64 KiB. */
enum { FIRMA_BRIDGE_CONNECTIONS = 2048, FIRMA_BRIDGE_DESCRIPTORS = 2 * FIRMA_BRIDGE_CONNECTIONS };

/* Bounds, milliseconds where not said; a member that is 0 means its default. Beyond `connections`
 * nothing is accepted until one ends: later ones wait in the listener's backlog. */
struct firma_bridge_limits {
    unsigned connections; /* FIRMA_BRIDGE_CONNECTIONS */
    uint64_t idle;        /* 75 s between requests */
    uint64_t head;        /* 30 s from a head's first byte to its last */
    uint64_t dial;        /* 10 s to connect to the sidecar */
    uint64_t exchange;    /* 10 min without a byte either way during a request */
    uint64_t tunnel;      /* 1 h without a byte either way in a tunnel */
    uint64_t linger;      /* 5 s for a closing guest to take its answer */
};

/* Everything is borrowed until firma_bridge_close(). */
struct firma_bridge_config {
    const struct firma_endpoint *sidecar;
    const struct firma_header *headers; /* the authoritative x-firma-* headers */
    size_t header_count;
    uid_t owner; /* only this user's processes may connect */
    /* One line a request, "METHOD HOST STATUS": no path, no query, no header. NULL: no log. */
    void (*log)(void *context, const char *line);
    void *log_context;
    struct firma_bridge_limits limits;
};

struct firma_bridge;

/* Listens on 127.0.0.1, a port of the system's choice, and serves from LOOP's callbacks, in which
 * SIGPIPE must be blocked or ignored: a tunnel whose end has gone raises it (splice(2)). The
 * headers must be x-firma-* tokens, each once, x-firma-sandbox-id among them, none empty, no
 * control character in a value: FIRMA_E_CONFIG otherwise, for nothing is relayed without
 * attribution. FIRMA_E_SYSTEM when sockets or socket diagnostics are not to be had. */
int firma_bridge_open(struct firma_bridge **out, struct firma_loop *loop,
                      const struct firma_bridge_config *config, struct firma_error *err);
uint16_t firma_bridge_port(const struct firma_bridge *bridge);
/* Ends every connection. Harmless on NULL. */
void firma_bridge_close(struct firma_bridge *bridge);

#endif
