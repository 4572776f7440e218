/*
 * `firma-vm-runner --check KERNEL INITRD ROOTFS`: everything that can be known without a contract.
 * The images against their manifest, the options, and a machine that is booted until its guest says
 * its first word. No share, no road, no command. The accelerator is tried anew, whatever was found
 * before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/vm/cache.h"
#include "runner/vm/vm.h"

static void report(const struct firma_vm_machine *machine)
{
    const int64_t *at = machine->times.at;
    printf("images: as in manifest.json, verified in %lld ms\n",
           (long long)(at[FIRMA_VM_VERIFIED] - at[FIRMA_VM_BEGUN]));
    printf("machine: %u MiB, %u processor%s, accelerator %s (wanted: %s)\n",
           machine->options.memory_mib, machine->options.processors,
           machine->options.processors == 1 ? "" : "s",
           firma_vm_accelerator_name(machine->accelerator),
           firma_vm_accelerator_name(machine->options.accelerator));
    printf("guest: its first word came after %lld ms\n",
           (long long)(at[FIRMA_VM_BOOTED] - at[FIRMA_VM_VERIFIED]));
}

static int boot(const struct firma_contract *contract, int cache, struct firma_vm_machine *machine,
                struct firma_error *err)
{
    struct firma_vm_images images = {-1, {-1, -1, -1}};
    int result = firma_vm_machine_prepare(contract, cache, &images, machine, err);
    firma_vm_accelerator_forget(cache);
    if (result == 0)
        result = firma_vm_machine_start(contract, cache, &images, machine, err);
    firma_vm_images_close(&images);
    if (result < 0)
        return result;
    if (!firma_vm_accelerator_await(machine->channel, &machine->console,
                                    (int)machine->options.start_seconds * 1000))
        return firma_fail(err, FIRMA_E_SPAWN, 0, "the guest said nothing; last printed: %s",
                          firma_vm_console_last(&machine->console));
    firma_vm_times_mark(&machine->times, FIRMA_VM_BOOTED);
    return 0;
}

/* The log of a machine needs a place; nothing of it is left. */
static void remove_place(const char *path)
{
    char log[64];
    snprintf(log, sizeof log, "%s/" FIRMA_VM_LOG_NAME, path);
    (void)unlink(log);
    (void)rmdir(path);
}

int firma_vm_check(char *const images[FIRMA_VM_IMAGE_COUNT], struct firma_error *err)
{
    char place[] = "/tmp/firma-vm-check-XXXXXX";
    struct firma_vm_machine machine;
    int result = firma_runner_seal_descriptors(err);
    if (result < 0)
        return result;
    if (mkdtemp(place) == NULL)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "/tmp");
    struct firma_contract contract = {.runtime_dir = place,
                                      .kernel = images[FIRMA_VM_KERNEL],
                                      .initrd = images[FIRMA_VM_INITRD],
                                      .rootfs = images[FIRMA_VM_ROOTFS]};
    firma_vm_machine_init(&machine);
    FIRMA_AUTOCLOSE int cache = firma_vm_cache_open(getenv("HOME"), &contract);
    result = boot(&contract, cache, &machine, err);
    if (result == 0)
        report(&machine);
    firma_vm_machine_end(&machine);
    remove_place(place);
    return result;
}
