/*
 * firma-vm-init - pid 1 of the guest kernel, from an initramfs that holds it and a few modules.
 *
 *   initramfs: agent (pid 1, root) ══ virtio port ══ the host's runner
 *      │          │   listeners on 127.0.0.1 ── streams of the channel
 *      │          └── pipes or a terminal's master
 *      └─ clone: pid, mount, ipc, uts namespaces
 *           inner init (pid 1 there) ── command ── whatever it starts
 *
 * The agent stays in the initramfs; the command's world is the disk image, read-only below a tmpfs,
 * and it holds neither the agent, nor the port's device, nor the image's. Inner init and command
 * are exactly what the namespace runner has (runner/guest): same identity, same filter, same exec,
 * same reaping. The only road out is the port, and what the host does with it is the host's affair.
 *
 * Nothing here is tried twice or done half: whatever fails before the command exists is told to the
 * host, and the machine ends.
 */
#include <linux/reboot.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "runner/vm/init/init.h"

/* There is no other way to end for a kernel's pid 1; the machine is started so that a restart ends
 * it. */
_Noreturn static void end_machine(void)
{
    sync();
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}

static int run(struct firma_error *err)
{
    int result = firma_init_boot(err);
    if (result < 0)
        return result;
    int channel = firma_init_open_channel(err);
    return channel < 0 ? channel : firma_init_serve(channel, err);
}

int main(void)
{
    struct firma_error err = {0};
    if (getpid() != 1) {
        fputs("firma-vm-init: only for pid 1 of a guest\n", stderr);
        return FIRMA_EXIT_RUNNER;
    }
    if (run(&err) < 0)
        fprintf(stderr, "firma-vm-init: %s: %s\n", firma_error_name(err.code), err.text);
    end_machine();
}
