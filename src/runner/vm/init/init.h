/* init.h - the parts of firma-vm-init. Theory of operation in main.c. */
#ifndef FIRMA_VM_INIT_H
#define FIRMA_VM_INIT_H

#include <poll.h>
#include <stdbool.h>

#include "runner/guest/guest.h"
#include "runner/vm/channel/block.h"
#include "runner/vm/channel/mux.h"

/* What init and the place it boots into agree on. */
#define FIRMA_INIT_MODULES "/etc/firma/modules" /* module files, one a line, in load order */
#define FIRMA_INIT_PORT    "org.firma.channel"  /* the virtio port's name */
#define FIRMA_INIT_DISK    "vda"
#define FIRMA_INIT_SHARES  "firma" /* the tag of the shared directories; mount N is directory N */

/* ---- boot.c ---- */

/* From a bare initramfs to a machine with devices: /proc, /dev, /sys, modules. */
int firma_init_boot(struct firma_error *err);
/* Opens the channel and waits until the host has it open too. Returns a descriptor (caller's). */
int firma_init_open_channel(struct firma_error *err);
/* Waits until the kernel has made the block device. */
int firma_init_await_disk(struct firma_error *err);
/* Sets the clock and feeds the random number generator. */
int firma_init_refresh(const struct firma_block *block, struct firma_error *err);

/* ---- place.c ---- */

/* In a mount namespace of its own: the image read-only below a tmpfs, fresh /proc /dev /run /tmp,
 * resolver files, the contract's mounts; then that is the root. */
int firma_init_build_place(struct firma_contract *contract, struct firma_error *err);

/* ---- command.c ---- */

/* The command's side of its streams, as the agent holds it. -1: there is none. */
struct firma_init_streams {
    int in, out, err; /* owned */
    int terminal;     /* its master, for those of the three that are one; owned */
};

/* The namespace the command lives in, as seen from outside. */
struct firma_init_inner {
    pid_t pid;
    int control; /* owned; see guest/control_linux.h */
    struct firma_init_streams streams;
};

/* Creates pid, mount, ipc and uts namespaces and builds the place in them, up to the point where
 * only the command is missing. */
int firma_init_launch(struct firma_contract *contract, const struct firma_block *block,
                      struct firma_init_inner *out, struct firma_error *err);

/* ---- relay.c ---- */

struct firma_init_flow {
    bool used;
    int listener;
    uint32_t address; /* network byte order */
    uint16_t port;
    uint64_t age;
};

/* Turns what comes in on the guest's listeners into streams and datagrams of the channel. */
struct firma_init_relay {
    struct firma_mux *mux;
    struct firma_guest_listener listeners[FIRMA_GUEST_LISTENERS];
    size_t count;
    uint16_t proxy; /* its port: any other TCP listener is the stub's */
    uint64_t clock;
    struct firma_init_flow flows[FIRMA_FLOW_COUNT];
};

int firma_init_relay_open(struct firma_init_relay *relay, const struct firma_contract *contract,
                          struct firma_error *err);
/* Fills POLLED (FIRMA_GUEST_LISTENERS of them), and takes what is ready. */
void firma_init_relay_watch(const struct firma_init_relay *relay, struct pollfd *polled);
void firma_init_relay_serve(struct firma_init_relay *relay, const struct pollfd *polled);
/* A datagram from the host. */
void firma_init_relay_answer(struct firma_init_relay *relay, uint16_t flow, const uint8_t *bytes,
                             size_t length);

/* ---- agent.c ---- */

/* The whole conversation over CHANNEL, until the command has ended and the host knows it. */
int firma_init_serve(int channel, struct firma_error *err);

#endif
