/*
 * guardian.h - the process between launcher and runner. See guardian.c for the theory of operation.
 */
#ifndef FIRMA_GUARDIAN_H
#define FIRMA_GUARDIAN_H

#include <stdint.h>

#include "launcher/runtime_dir.h"
#include "launcher/spawn.h"

/* Launcher to guardian. */
enum firma_order_kind {
    FIRMA_ORDER_SIGNAL = 1, /* send `number` to the runner */
    FIRMA_ORDER_WAKE,       /* send CONT to the runner if it is still stopped */
    FIRMA_ORDER_KILL,       /* kill the runner */
};

struct firma_order {
    uint8_t kind;
    uint8_t number;
};

/* Guardian to launcher. */
enum firma_report_kind {
    FIRMA_REPORT_STARTED = 1, /* `value`: the runner's pid */
    FIRMA_REPORT_CHANGED,     /* `value`: wait status of a stop or continue */
    FIRMA_REPORT_ENDED,       /* `value`: wait status; its tree is gone if `clean` */
};

struct firma_report {
    int32_t kind;
    int32_t value;
    int32_t clean;
};

/* Everything is borrowed. */
struct firma_guardian_config {
    const struct firma_spawn *spawn;
    const struct firma_runtime_dir *dir;
    bool keep; /* leave the directory alone, whatever happens */
};

struct firma_guardian {
    pid_t pid;    /* 0 when there is none */
    int channel;  /* CLOEXEC, -1 when empty */
    pid_t runner; /* once started */
};

/* Forks the guardian, which starts the runner. FIRMA_E_SPAWN. */
int firma_guardian_start(struct firma_guardian *out, const struct firma_guardian_config *config,
                         struct firma_error *err);

/* Sends an order; one that cannot be sent is dropped, because then the channel's end tells more. */
void firma_guardian_order(const struct firma_guardian *guardian, enum firma_order_kind kind,
                          int number);

/* Receives one report without waiting. 1: there was one, 0: none yet, -1: the guardian is gone. */
int firma_guardian_receive(const struct firma_guardian *guardian, struct firma_report *out);

/* Ends and reaps the guardian: the runner's tree must be gone. Harmless when there is none. */
void firma_guardian_dismiss(struct firma_guardian *guardian);

#endif
