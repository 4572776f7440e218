/*
 * options.h - what an operator may choose about the machine: `machine.json` beside the kernel.
 *
 * A runner is called with a contract and nothing else, and gets no environment to speak of, so its
 * options lie where its images do. No file: the defaults. Every key may be left out, none may be
 * unknown:
 *
 *     {"memory_mib": 2048, "processors": 2, "accelerator": "auto", "log_dir": "/var/log/guests",
 *      "start_seconds": 120}
 */
#ifndef FIRMA_VM_OPTIONS_H
#define FIRMA_VM_OPTIONS_H

#include <limits.h>

#include "firma_contract.h"

#define FIRMA_VM_OPTIONS_FILE "machine.json"

enum {
    FIRMA_VM_MEMORY_MIB = 1024,
    FIRMA_VM_MEMORY_MIB_MIN = 192,
    FIRMA_VM_MEMORY_MIB_MAX = 1024 * 1024,
    FIRMA_VM_PROCESSORS = 1,
    FIRMA_VM_PROCESSORS_MAX = 64,
    FIRMA_VM_START_SECONDS = 120,
    FIRMA_VM_START_SECONDS_MAX = 3600
};

/* What makes the guest's processor: enumerator, word in machine.json. */
#define FIRMA_VM_ACCELERATORS(X)                                                                   \
    X(FIRMA_VM_AUTO, "auto") /* whatever this host has that works; never a machine's own */        \
    X(FIRMA_VM_KVM, "kvm")                                                                         \
    X(FIRMA_VM_HVF, "hvf")                                                                         \
    X(FIRMA_VM_TCG, "tcg") /* none: translated by software */

enum firma_vm_accelerator {
#define X(name, word) name,
    FIRMA_VM_ACCELERATORS(X)
#undef X
        FIRMA_VM_ACCELERATOR_COUNT
};

struct firma_vm_options {
    unsigned memory_mib;
    unsigned processors;
    unsigned start_seconds; /* how long a guest may take until its command can run */
    enum firma_vm_accelerator accelerator;
    char log_dir[FIRMA_MAX_PATH + 1]; /* empty: the log goes with the runtime directory */
};

const char *firma_vm_accelerator_name(enum firma_vm_accelerator accelerator);

/* Reads the options in the directory DIRFD (borrowed) over the defaults. FIRMA_E_CONFIG starts with
 * "machine.json: FIELD: "; FIRMA_E_CUSTODY, _SYSTEM. */
int firma_vm_options_read(int dirfd, struct firma_vm_options *out, struct firma_error *err);

#endif
