/*
 * vmm.h - all that the runner knows about a virtual machine monitor: start, channel, stop.
 *
 * What the monitor is, how it is told, and what confines it on this host stays behind this
 * interface. The machine has one processor architecture (the host's), a disk it cannot write, a
 * port for the channel, the shared directories, and no network device.
 */
#ifndef FIRMA_VMM_H
#define FIRMA_VMM_H

#include <sys/types.h>

#include "firma_contract.h"

/* Everything borrowed for the call. */
struct firma_vmm_spec {
    const struct firma_contract *contract; /* images, mounts, runtime directory */
    unsigned memory_mib;
    unsigned processors;
    int channel; /* the guest's end of a stream socket pair */
    int log;     /* what kernel and monitor have to say */
};

struct firma_vmm {
    pid_t pid; /* waiting for it waits for every process of the machine; -1: none */
};

/* Starts the machine. Its end shows as a hang-up of the channel. FIRMA_E_SPAWN, _MOUNT, _SYSTEM. */
int firma_vmm_start(const struct firma_vmm_spec *spec, struct firma_vmm *out,
                    struct firma_error *err);
/* Ends it and waits until nothing of it is left. Harmless when there is none. */
void firma_vmm_stop(struct firma_vmm *vmm);

#endif
