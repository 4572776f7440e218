/* sidecar.h - is there somebody who speaks HTTP where the operator says the sidecar is? */
#ifndef FIRMA_SIDECAR_H
#define FIRMA_SIDECAR_H

#include "launcher/endpoint.h"
#include "launcher/loop.h"

enum { FIRMA_SIDECAR_BOUND_MS = 2000 };

/* Connects, sends `OPTIONS *` (RFC 9110, 9.3.7) and awaits any HTTP/1 status line, BOUND_MS
 * milliseconds for all of it. Runs LOOP meanwhile; *INTERRUPTED, set by a callback that also stops
 * the loop, ends the check early with success left for the caller to overrule. FIRMA_E_SIDECAR. */
int firma_sidecar_check(struct firma_loop *loop, const struct firma_endpoint *endpoint,
                        unsigned bound_ms, const int *interrupted, struct firma_error *err);

/* Refuses a unix socket that somebody else could have put at PATH: a directory on the way is
 * writable by others, or sticky and what stands in it neither this user's nor root's. What is not
 * there is no breach. FIRMA_E_CUSTODY, FIRMA_E_MEMORY. */
int firma_sidecar_check_place(const char *path, struct firma_error *err);

#endif
