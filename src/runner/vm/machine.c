#include "runner/vm/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contract/cleanup.h"

void firma_vm_machine_init(struct firma_vm_machine *machine)
{
    *machine = (struct firma_vm_machine){.vmm = {-1},
                                         .failed = {-1},
                                         .channel = -1,
                                         .accelerator = FIRMA_VM_TCG,
                                         .console = {.input = -1, .output = -1, .file = -1}};
    firma_vm_times_mark(&machine->times, FIRMA_VM_BEGUN);
}

int firma_vm_machine_prepare(const struct firma_contract *contract, int cache,
                             struct firma_vm_images *images, struct firma_vm_machine *machine,
                             struct firma_error *err)
{
    int result = firma_vm_images_open(contract, cache, images, err);
    if (result == 0)
        result = firma_vm_options_read(images->dir, &machine->options, err);
    if (result == 0)
        result = firma_vm_console_open(contract, &machine->options, &machine->console, err);
    return result;
}

/* One machine with ACCELERATOR, and our end of its channel. */
static int boot(const struct firma_contract *contract, const struct firma_vm_images *images,
                enum firma_vm_accelerator accelerator, struct firma_vm_machine *machine,
                struct firma_error *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "channel");
    FIRMA_AUTOCLOSE int ours = pair[0];
    FIRMA_AUTOCLOSE int theirs = pair[1];
    const struct firma_vmm_spec spec = {.contract = contract,
                                        .images = images->fd,
                                        .memory_mib = machine->options.memory_mib,
                                        .processors = machine->options.processors,
                                        .accelerator = accelerator,
                                        .channel = theirs,
                                        .log = machine->console.output};
    if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "channel");
    int result = firma_vmm_start(&spec, &machine->vmm, err);
    if (result < 0)
        return result;
    machine->channel = ours;
    machine->accelerator = accelerator;
    ours = -1;
    return 0;
}

/* The machine did not speak: it goes, and we do not wait for that. */
static void give_up(struct firma_vm_machine *machine)
{
    firma_vm_console_note(&machine->console,
                          "%s: no word from the guest within %d ms; going on with %s",
                          firma_vm_accelerator_name(machine->accelerator), FIRMA_VM_TRIAL_MS,
                          firma_vm_accelerator_name(FIRMA_VM_TCG));
    firma_vmm_kill(&machine->vmm);
    machine->failed = machine->vmm;
    machine->vmm = (struct firma_vmm){-1};
    if (machine->channel >= 0)
        close(machine->channel);
    machine->channel = -1;
}

/* True once a machine with ACCELERATOR has spoken. */
static bool try(const struct firma_contract *contract, int cache,
                const struct firma_vm_images *images, enum firma_vm_accelerator accelerator,
                struct firma_vm_machine *machine)
{
    struct firma_error ignored;
    enum firma_vm_finding known = firma_vm_accelerator_known(cache, accelerator);
    if (known == FIRMA_VM_FAILS || !firma_vmm_offers(accelerator, NULL))
        return false;
    bool works =
        boot(contract, images, accelerator, machine, &ignored) == 0 &&
        (known == FIRMA_VM_WORKS ||
         firma_vm_accelerator_await(machine->channel, &machine->console, FIRMA_VM_TRIAL_MS));
    if (known == FIRMA_VM_UNKNOWN)
        firma_vm_accelerator_learn(cache, accelerator, works);
    if (!works)
        give_up(machine);
    return works;
}

static int start(const struct firma_contract *contract, int cache,
                 const struct firma_vm_images *images, struct firma_vm_machine *machine,
                 struct firma_error *err)
{
    static const enum firma_vm_accelerator native[] = {FIRMA_VM_KVM, FIRMA_VM_HVF};
    if (machine->options.accelerator != FIRMA_VM_AUTO) {
        int result = firma_vmm_offers(machine->options.accelerator, err)
                         ? 0
                         : firma_wrap(err, FIRMA_VM_OPTIONS_FILE ": accelerator");
        return result < 0 ? result
                          : boot(contract, images, machine->options.accelerator, machine, err);
    }
    for (size_t i = 0; i < sizeof native / sizeof native[0]; i++)
        if (try(contract, cache, images, native[i], machine))
            return 0;
    return boot(contract, images, FIRMA_VM_TCG, machine, err);
}

int firma_vm_machine_start(const struct firma_contract *contract, int cache,
                           const struct firma_vm_images *images, struct firma_vm_machine *machine,
                           struct firma_error *err)
{
    firma_vm_times_mark(&machine->times, FIRMA_VM_VERIFIED);
    int result = start(contract, cache, images, machine, err);
    close(machine->console.output); /* the machine's copies alone keep it open */
    machine->console.output = -1;
    return result;
}

void firma_vm_machine_end(struct firma_vm_machine *machine)
{
    char text[FIRMA_VM_TIMES_TEXT];
    firma_vmm_kill(&machine->vmm);
    if (machine->channel >= 0)
        close(machine->channel);
    machine->channel = -1;
    firma_vmm_stop(&machine->vmm);
    firma_vmm_stop(&machine->failed);
    if (machine->console.file < 0)
        return;
    (void)firma_vm_console_last(&machine->console);
    firma_vm_times_mark(&machine->times, FIRMA_VM_GONE);
    firma_vm_times_render(&machine->times, text);
    firma_vm_console_note(&machine->console, "times: %s (%s)", text,
                          firma_vm_accelerator_name(machine->accelerator));
    firma_vm_console_close(&machine->console);
}
