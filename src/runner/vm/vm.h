/* vm.h - the parts of firma-vm-runner. Theory of operation in main.c. */
#ifndef FIRMA_VM_H
#define FIRMA_VM_H

#include <poll.h>
#include <stdbool.h>
#include <termios.h>

#include "firma_contract.h"
#include "runner/common/common.h"
#include "runner/guest/guest.h"
#include "runner/vm/channel/mux.h"
#include "runner/vm/machine.h"

/* ---- terminal.c ---- */

/* The caller's terminal, while the guest's has its place. */
struct firma_vm_terminal {
    uint8_t descriptors; /* bit n: standard descriptor n is it; 0: there is none */
    int lead;            /* one of them */
    bool foreground;     /* we may read it, as of the last look */
    bool raw;
    struct termios before;
    unsigned short rows, columns;
};

void firma_vm_terminal_look(struct firma_vm_terminal *terminal);
/* Looks again who may read it; true if that has changed. */
bool firma_vm_terminal_moved(struct firma_vm_terminal *terminal);
/* Raw: every key is the guest's terminal's to interpret. Only where it is our stdin, and in the
 * foreground. Restoring is harmless when it is not raw. */
int firma_vm_terminal_enter(struct firma_vm_terminal *terminal, struct firma_error *err);
void firma_vm_terminal_leave(struct firma_vm_terminal *terminal);
/* Its keys are what the command reads. */
bool firma_vm_terminal_has_keys(const struct firma_vm_terminal *terminal);
/* What the guest's is to do now: FIRMA_TERMINAL_… */
int firma_vm_terminal_duties(const struct firma_vm_terminal *terminal);
/* Reads the size; true if it has changed. */
bool firma_vm_terminal_resized(struct firma_vm_terminal *terminal);

/* ---- prepare.c ---- */

/* Renders what the guest is told. *BYTES is the caller's (malloc'd). */
int firma_vm_prepare_block(const struct firma_contract *contract,
                           const struct firma_runner_origin *origin,
                           const struct firma_vm_terminal *terminal, uint8_t **bytes, size_t *size,
                           struct firma_error *err);

/* ---- roads.c ---- */

/* The only two places a guest's stream or datagram can lead to: 127.0.0.1, these two ports. */
struct firma_vm_roads {
    uint16_t proxy, dns;
    int flows[FIRMA_FLOW_COUNT]; /* connected datagram sockets; -1 */
};

void firma_vm_roads_open(struct firma_vm_roads *roads, const struct firma_contract *contract);
void firma_vm_roads_close(struct firma_vm_roads *roads);
/* A connecting stream socket to SERVICE, or -1. */
int firma_vm_roads_dial(const struct firma_vm_roads *roads, uint8_t service);
void firma_vm_roads_send(struct firma_vm_roads *roads, uint16_t flow, const uint8_t *bytes,
                         size_t length);
/* POLLED: FIRMA_FLOW_COUNT of them. */
void firma_vm_roads_watch(const struct firma_vm_roads *roads, struct pollfd *polled);
void firma_vm_roads_serve(struct firma_vm_roads *roads, struct firma_mux *mux,
                          const struct pollfd *polled);

/* ---- check.c ---- */

/* Boots the IMAGES (paths) until the guest's first word and prints what was found. */
int firma_vm_check(char *const images[FIRMA_VM_IMAGE_COUNT], struct firma_error *err);

/* ---- supervise.c ---- */

/* The conversation with MACHINE, from the guest's first word until its last. *STATUS: the command's
 * wait status, or that of a death by the signal that came before the command did. */
int firma_vm_supervise(const struct firma_contract *contract,
                       const struct firma_runner_origin *origin, struct firma_vm_machine *machine,
                       int *status, struct firma_error *err);

#endif
