/* bridge.h - the loopback HTTP/1.1 forward proxy in front of the operator's sidecar. */
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

/* Everything is borrowed until firma_bridge_close(). */
struct firma_bridge_config {
    const struct firma_endpoint *sidecar;
    const struct firma_header *headers; /* the authoritative x-firma-* headers */
    size_t header_count;
    uid_t owner;                                  /* only this user's processes may connect */
    void (*log)(void *context, const char *line); /* NULL: no log; never sees query or fragment */
    void *log_context;
};

struct firma_bridge;

/* Listens on 127.0.0.1, a port of the system's choice, and serves from LOOP's callbacks. */
int firma_bridge_open(struct firma_bridge **out, struct firma_loop *loop,
                      const struct firma_bridge_config *config, struct firma_error *err);
uint16_t firma_bridge_port(const struct firma_bridge *bridge);
void firma_bridge_close(struct firma_bridge *bridge);

#endif
