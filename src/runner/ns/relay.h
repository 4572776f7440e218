/*
 * relay.h - the only road out of the guest.
 *
 * It holds the listeners that were made in the guest's network and copies what comes in on them to
 * the one host port each stands for; it never learns another address, so there is nothing a guest
 * could say that would make it dial elsewhere. Bounded in everything: connections, UDP flows, bytes
 * in flight. A host port that does not answer costs the guest its connection, nothing else.
 */
#ifndef FIRMA_NS_RELAY_H
#define FIRMA_NS_RELAY_H

#include "runner/guest/guest.h"

struct firma_relay;

/* Starts accepting on the COUNT listeners, whose descriptors stay the caller's, from EVENTS (see
 * events.h). Raises the process's own soft limit of descriptors. FIRMA_E_SYSTEM, FIRMA_E_MEMORY. */
int firma_relay_open(struct firma_relay **out, int events,
                     const struct firma_guest_listener *listeners, size_t count,
                     struct firma_error *err);

/* How long the next wait may last, in milliseconds; -1: for ever. */
int firma_relay_timeout(const struct firma_relay *relay);
/* Starts accepting again after the system ran short of something; call it when that time passed. */
void firma_relay_resume(struct firma_relay *relay);

/* Cuts every connection and frees RELAY; NULL is harmless. */
void firma_relay_close(struct firma_relay *relay);

#endif
