/*
 * ns.h - the parts of firma-ns-runner. Theory of operation in main.c.
 *
 * Errors as everywhere: 0 (or a descriptor) or a negative `enum firma_error_code`.
 */
#ifndef FIRMA_NS_H
#define FIRMA_NS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "firma_contract.h"
#include "runner/guest/guest.h"

/* How the runner itself was started: what the command must find again. */
struct firma_ns_origin {
    sigset_t mask;
    bool ignore_sigchld;
    pid_t parent;
    char *
        *arguments; /* borrowed; pid 1 wipes its copy, which every process in the guest can read */
};

/* The guest as the runner sees it. Nothing is owned before firma_ns_launch(). */
struct firma_ns_guest {
    pid_t init;  /* its pid 1; waiting for it waits for the whole guest */
    int control; /* to it; owned */
    struct firma_guest_listener listeners[FIRMA_GUEST_LISTENERS]; /* owned */
    size_t listener_count;
};

/* ---- descriptors.c ---- */

/* Leaves descriptors 0-2 exactly as they are and closes all others. A standard descriptor that is
 * closed gets a CLOEXEC placeholder, so that no descriptor of ours can take its place and the
 * command finds it closed again. A directory there is refused: it would be a door to the host. */
int firma_ns_seal_descriptors(struct firma_error *err);

/* ---- origin.c ---- */

/* Blocks the signals the runner handles (the contract's nine, and SIGCHLD) before anything else can
 * happen, makes SIGCHLD reapable, and arranges to die with the parent. */
int firma_ns_take_over(struct firma_ns_origin *origin, char **arguments, struct firma_error *err);
extern const int firma_ns_signals[];
extern const size_t firma_ns_signal_count;

/* ---- launch.c ---- */

/* Creates the guest around CONTRACT and brings it to the point where only the command is missing:
 * its listeners are in OUT, its root is built. The command starts with firma_ns_go(). On failure
 * nothing is left of it. */
int firma_ns_launch(const struct firma_contract *contract, const struct firma_ns_origin *origin,
                    struct firma_ns_guest *out, struct firma_error *err);
int firma_ns_go(struct firma_ns_guest *guest, struct firma_error *err);
/* Kills the guest and waits until nothing of it is left. */
void firma_ns_abandon(struct firma_ns_guest *guest);

/* ---- network.c ---- */

/* Brings up the loopback device of the current network namespace. */
int firma_ns_loopback_up(struct firma_error *err);

/* ---- root.c, root_etc.c, root_dev.c, root_proc.c ---- */

/* Builds the guest's view of the file system in the current mount namespace and moves into it; the
 * host's is gone afterwards. */
int firma_ns_build_root(const struct firma_contract *contract, struct firma_error *err);

/* The parts of it; ROOT is the new root directory. */
int firma_ns_build_etc(int root, struct firma_error *err);
int firma_ns_build_dev(int root, struct firma_error *err);
int firma_ns_build_proc(int root, struct firma_error *err);

/* Helpers the parts share (root.c). Mounts a fresh file system on NAME in DIR. */
int firma_ns_mount(int dir, const char *name, const char *type, const char *const *options,
                   unsigned attributes, struct firma_error *err);
/* Mounts the host's SOURCE on NAME in DIR; an absent SOURCE is reported as FIRMA_E_MOUNT with
 * errnum ENOENT. */
int firma_ns_bind(int dir, const char *name, const char *source, unsigned attributes,
                  struct firma_error *err);
/* Creates a directory or an empty file to mount on. */
int firma_ns_directory(int dir, const char *name, mode_t mode, struct firma_error *err);
int firma_ns_file(int dir, const char *name, struct firma_error *err);
int firma_ns_link(int dir, const char *name, const char *target, struct firma_error *err);

/* ---- confine.c ---- */

/* The filter every command gets: no socket family that a network namespace does not confine, no
 * io_uring, no foreign system call table, no typing into the terminal. Borrowed, static. */
struct firma_guest_filter firma_ns_filter(void);

/* ---- sidecar_check.c ---- */

/* Asks through the bridge at PORT whether the sidecar answers, within two seconds. FIRMA_E_SIDECAR
 * says why not. */
int firma_ns_check_sidecar(uint16_t port, struct firma_error *err);

/* ---- supervise.c ---- */

/* Runs the relay and passes signals, stops and continues until the command has ended and nothing is
 * left of the guest. *STATUS: the command's wait status. */
int firma_ns_supervise(struct firma_ns_guest *guest, int *status, struct firma_error *err);

#endif
