/*
 * ns.h - the parts of firma-ns-runner. Theory of operation in main.c.
 *
 * Errors as everywhere: 0 (or a descriptor) or a negative `enum firma_error_code`.
 */
#ifndef FIRMA_NS_H
#define FIRMA_NS_H

#include <sys/types.h>

#include "firma_contract.h"
#include "runner/common/common.h"
#include "runner/guest/guest.h"

/* The guest as the runner sees it. Nothing is owned before firma_ns_launch(). */
struct firma_ns_guest {
    pid_t init;  /* its pid 1; waiting for it waits for the whole guest */
    int control; /* to it; owned */
    struct firma_guest_listener listeners[FIRMA_GUEST_LISTENERS]; /* owned */
    size_t listener_count;
};

/* ---- launch.c ---- */

/* Creates the guest around CONTRACT, which then builds itself. On failure there is none. */
int firma_ns_launch(const struct firma_contract *contract, const struct firma_runner_origin *origin,
                    struct firma_ns_guest *out, struct firma_error *err);
/* Waits until only the command is missing: the guest's listeners are in GUEST, its root is built.
 */
int firma_ns_await(struct firma_ns_guest *guest, struct firma_error *err);
/* Starts the command. */
int firma_ns_go(struct firma_ns_guest *guest, struct firma_error *err);
/* Kills the guest and waits until nothing of it is left. */
void firma_ns_abandon(struct firma_ns_guest *guest);

/* ---- root.c, root_etc.c ---- */

/* Builds the guest's view of the file system in the current mount namespace and moves into it; the
 * host's is gone afterwards. */
int firma_ns_build_root(const struct firma_contract *contract, struct firma_error *err);

/* /etc of it; ROOT is the new root directory. */
int firma_ns_build_etc(int root, struct firma_error *err);

/* ---- confine.c ---- */

/* The filter every command gets: no socket family that a network namespace does not confine, no
 * io_uring, no foreign system call table, no typing into the terminal. Borrowed, static. */
struct firma_guest_filter firma_ns_filter(void);

/* ---- supervise.c ---- */

/* Opens the relay, starts the command, and passes signals, stops and continues until the command
 * has ended and nothing is left of the guest. *STATUS: the command's wait status. */
int firma_ns_supervise(struct firma_ns_guest *guest, int *status, struct firma_error *err);

#endif
