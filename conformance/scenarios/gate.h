/*
 * gate.h - a door in front of the sidecar that stays shut until the harness has done something.
 *
 * A launcher that has checked what it was given asks its sidecar next. At a gate its question waits
 * in the listener's backlog, so whatever the harness changes now comes behind the check and before
 * the use, on any machine and at any load.
 *
 *     cf_gate_open(&gate, NULL, err);            // or a path: a unix socket
 *     if (cf_gate_await(&gate, ended, ms))       // somebody has knocked
 *         change_something();
 *     cf_gate_serve(&gate, sidecar_port);        // from now on everything is relayed
 *     cf_gate_close(&gate);
 */
#ifndef CF_GATE_H
#define CF_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct cf_gate {
    int listener; /* -1: none */
    uint16_t port;
    pid_t pid; /* the relay's, once it serves; 0: none */
};

/* Listens on 127.0.0.1, a port of the system's choice, or at PATH (everybody may connect). */
int cf_gate_open(struct cf_gate *gate, const char *path, struct cf_error *err);
/* Waits until somebody has connected; false when ENDED (a descriptor) becomes readable first, or
 * after MS. */
bool cf_gate_await(const struct cf_gate *gate, int ended, unsigned ms);
/* Relays what waits and whatever comes to 127.0.0.1:PORT, in a process of its own. */
void cf_gate_serve(struct cf_gate *gate, uint16_t port);
void cf_gate_close(struct cf_gate *gate);

#endif
