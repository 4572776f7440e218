/* endpoint.h - where the operator's sidecar listens: `tcp://IP:PORT` or `unix:///PATH`. */
#ifndef FIRMA_ENDPOINT_H
#define FIRMA_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "firma_run.h"

struct firma_endpoint {
    struct sockaddr_storage address;
    socklen_t length;
    char text[160]; /* as configured, for messages */
};

/* Parses TEXT. IP literals only (no name is ever resolved); IPv6 in brackets; port 1-65535; a unix
 * path is absolute and fits sun_path. FIRMA_E_CONFIG names the bad part. */
int firma_endpoint_parse(struct firma_endpoint *out, const char *text, struct firma_error *err);

/* Opens a non-blocking CLOEXEC socket and starts connecting to ENDPOINT. Returns the descriptor
 * (caller's), *CONNECTED or in progress; FIRMA_E_SIDECAR on failure. */
int firma_endpoint_dial(const struct firma_endpoint *endpoint, bool *connected,
                        struct firma_error *err);

#endif
