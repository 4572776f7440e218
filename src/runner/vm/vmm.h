/*
 * vmm.h - all that the runner knows about a virtual machine monitor: start, channel, stop.
 *
 * What the monitor is, how it is told, and what confines it on this host stays behind this
 * interface. The machine has one processor architecture (the host's), a disk it cannot write, a
 * port for the channel, the shared directories, and no network device.
 */
#ifndef FIRMA_VMM_H
#define FIRMA_VMM_H

#include <stdbool.h>
#include <sys/types.h>

#include "firma_contract.h"
#include "runner/vm/options.h"

/* Everything borrowed for the call. */
struct firma_vmm_spec {
    const struct firma_contract *contract; /* mounts, runtime directory */
    const int *images;                     /* readable, by enum firma_vm_image */
    unsigned memory_mib;
    unsigned processors;
    enum firma_vm_accelerator accelerator; /* never FIRMA_VM_AUTO */
    int channel;                           /* the guest's end of a stream socket pair */
    int log;                               /* what kernel and monitor have to say */
};

struct firma_vmm {
    pid_t pid; /* waiting for it waits for every process of the machine; -1: none */
};

/* True if this host has ACCELERATOR at all; whether it works is another question. FIRMA_E_CONFIG
 * says why not. */
bool firma_vmm_offers(enum firma_vm_accelerator accelerator, struct firma_error *err);

/* Starts the machine. Its end shows as a hang-up of the channel. FIRMA_E_SPAWN, _MOUNT, _SYSTEM. */
int firma_vmm_start(const struct firma_vmm_spec *spec, struct firma_vmm *out,
                    struct firma_error *err);
/* Begins its end. Harmless when there is none. */
void firma_vmm_kill(const struct firma_vmm *vmm);
/* Ends it and waits until nothing of it is left. Harmless when there is none. */
void firma_vmm_stop(struct firma_vmm *vmm);

#endif
