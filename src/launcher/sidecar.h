/* sidecar.h - is there somebody who speaks HTTP where the operator says the sidecar is? */
#ifndef FIRMA_SIDECAR_H
#define FIRMA_SIDECAR_H

#include "launcher/endpoint.h"
#include "launcher/loop.h"

enum {
    FIRMA_SIDECAR_BOUND_MS = 2000,
    FIRMA_STATUS_BYTES = 13 /* "HTTP/1.x NNN" and one more, which ends the number */
};

/* A question on its way; zeroed there is none. Must stay where it is until it was heard. */
struct firma_sidecar_question {
    bool asked;
    struct firma_loop *loop;
    const struct firma_endpoint *endpoint;
    struct firma_watch watch;
    struct firma_timer timer;
    char request[256];
    size_t to_send;
    size_t sent;
    char answer[FIRMA_STATUS_BYTES];
    size_t got;
    unsigned bound_ms;
    int result; /* 1: none yet */
    struct firma_error why;
};

/* Connects and sends `OPTIONS *` (RFC 9110, 9.3.7), as far as that goes without waiting. ENDPOINT
 * is borrowed. BOUND_MS milliseconds from now there must be an answer. FIRMA_E_SIDECAR, and then
 * there is no question. */
int firma_sidecar_ask(struct firma_sidecar_question *question, struct firma_loop *loop,
                      const struct firma_endpoint *endpoint, unsigned bound_ms,
                      struct firma_error *err);

/* Awaits any HTTP/1 status line, and ends QUESTION. Runs the loop meanwhile; *INTERRUPTED, set by a
 * callback that also stops the loop, ends it early with success left for the caller to overrule.
 * FIRMA_E_SIDECAR. */
int firma_sidecar_hear(struct firma_sidecar_question *question, const int *interrupted,
                       struct firma_error *err);

/* Ends QUESTION unheard. Harmless when there is none. */
void firma_sidecar_drop(struct firma_sidecar_question *question);

/* Refuses a unix socket that somebody else could have put at PATH: a directory on the way is
 * writable by others, or sticky and what stands in it neither this user's nor root's. What is not
 * there is no breach. FIRMA_E_CUSTODY, FIRMA_E_MEMORY. */
int firma_sidecar_check_place(const char *path, struct firma_error *err);

#endif
