/*
 * machine.h - one machine from its images to its last process.
 *
 * Which accelerator works is found out by using it: a host may have the device and hang on the
 * first instruction, or fail in the monitor's first breath. So the launch itself is the trial. A
 * machine with a native accelerator whose guest does not say a word within FIRMA_VM_TRIAL_MS is
 * killed, and the same launch goes on with software. Nothing is lost but that time: the guest knows
 * nothing yet, and the command runs only once it is told to. The finding is kept until the host
 * restarts. A host whose accelerator works never waits.
 */
#ifndef FIRMA_VM_MACHINE_H
#define FIRMA_VM_MACHINE_H

#include "runner/vm/console.h"
#include "runner/vm/images/images.h"
#include "runner/vm/options.h"
#include "runner/vm/times.h"
#include "runner/vm/vmm.h"

enum { FIRMA_VM_TRIAL_MS = 1500 };

struct firma_vm_machine {
    struct firma_vmm vmm;
    struct firma_vmm failed; /* one whose trial failed: killed; its end is awaited with ours */
    int channel;             /* our end, non-blocking */
    enum firma_vm_accelerator accelerator;
    struct firma_vm_options options;
    struct firma_vm_console console;
    struct firma_vm_times times;
};

/* An empty one, whose time begins now. */
void firma_vm_machine_init(struct firma_vm_machine *machine);
/* Verifies CONTRACT's images, reads the options, opens the log. CACHE: see cache.h. */
int firma_vm_machine_prepare(const struct firma_contract *contract, int cache,
                             struct firma_vm_images *images, struct firma_vm_machine *machine,
                             struct firma_error *err);
/* Starts the machine and finds its accelerator. FIRMA_E_SPAWN, _CONFIG, _MOUNT, _SYSTEM. */
int firma_vm_machine_start(const struct firma_contract *contract, int cache,
                           const struct firma_vm_images *images, struct firma_vm_machine *machine,
                           struct firma_error *err);
/* Ends it, waits until nothing of it is left, and closes the log with the times. */
void firma_vm_machine_end(struct firma_vm_machine *machine);

/* ---- accelerator.c ---- */

/* What is known about ACCELERATOR on this host since it was started. */
enum firma_vm_finding { FIRMA_VM_UNKNOWN, FIRMA_VM_WORKS, FIRMA_VM_FAILS };
enum firma_vm_finding firma_vm_accelerator_known(int cache, enum firma_vm_accelerator accelerator);
void firma_vm_accelerator_learn(int cache, enum firma_vm_accelerator accelerator, bool works);
/* Makes nothing known again. */
void firma_vm_accelerator_forget(int cache);
/* Waits at most LIMIT_MS for the first word of a machine at CHANNEL; false: none, or a hang-up.
 * CONSOLE is served meanwhile. */
bool firma_vm_accelerator_await(int channel, struct firma_vm_console *console, int limit_ms);

#endif
