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
#include "runner/guest/root_linux.h"

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
/* Waits for the guest's listeners, which are in GUEST then; it builds on. */
int firma_ns_await(struct firma_ns_guest *guest, struct firma_error *err);
/* Lets the command start once the guest is built. */
int firma_ns_go(struct firma_ns_guest *guest, struct firma_error *err);
/* Kills the guest and waits until nothing of it is left. */
void firma_ns_abandon(struct firma_ns_guest *guest);

/* ---- root.c, root_etc.c ---- */

/* A root in the making. Owned. */
struct firma_ns_root {
    int dir; /* reachable by this descriptor only */
    struct firma_root_covers covers;
};

/* Builds the guest's view of the file system in the current mount namespace, in three parts: what
 * comes first; then, by two processes side by side if they like, what it takes to become the root
 * of every process in the namespace, the host's being detached, and (CONTEXT is the root) the part
 * that needs nothing but descriptors. */
int firma_ns_root_begin(struct firma_ns_root *out, struct firma_error *err);
int firma_ns_root_finish(const struct firma_ns_root *root, const struct firma_contract *contract,
                         struct firma_error *err);
int firma_ns_root_restrict(const void *context, struct firma_error *err);
void firma_ns_root_close(struct firma_ns_root *root);

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
