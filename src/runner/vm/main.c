/*
 * firma-vm-runner - runs a launch contract's command in a virtual machine without network device.
 *
 *   launcher ── bridge, DNS stub
 *      │            ↑ 127.0.0.1, these two ports and nothing else
 *   runner ═════════╧════ one port ════ firma-vm-init (init/main.c) ── command
 *      └─ monitor's namespaces: file server, monitor (vmm.h)
 *
 * One channel carries everything in frames of our own (channel/frame.h), each stream with its own
 * credit. The other candidate was an SSH server in the guest: it needs keys, a bigger image and
 * 1.3 s of handshake where ours needs one write, and its parser would sit on the host's side.
 *
 * Order: descriptors, signals, contract, sidecar, machine; the guest says hello, is told what to
 * build and builds it; the sidecar is asked again; only then the command starts. A failure anywhere
 * before that: one line on stderr, 125, and the command never ran.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/cleanup.h"
#include "runner/vm/cache.h"
#include "runner/vm/vm.h"

static int usage(void)
{
    fputs("usage: firma-vm-runner --launch-contract ABSOLUTE_PATH\n", stderr);
    return FIRMA_EXIT_RUNNER;
}

static int run_started(const struct firma_contract *contract,
                       const struct firma_runner_origin *origin, int cache,
                       struct firma_vm_machine *machine, int *status, struct firma_error *err)
{
    struct firma_vm_images images = {-1, {-1, -1, -1}};
    int result = firma_vm_machine_prepare(contract, cache, &images, machine, err);
    if (result == 0)
        result = firma_runner_check_sidecar(firma_contract_proxy_port(contract), err);
    if (result == 0 && contract->identity_mode == FIRMA_SANDBOX_USER)
        result = firma_guest_leave_groups(err);
    if (result == 0)
        result = firma_vm_machine_start(contract, cache, &images, machine, err);
    firma_vm_images_close(&images);
    return result < 0 ? result : firma_vm_supervise(contract, origin, machine, status, err);
}

static int run_machine(const struct firma_contract *contract,
                       const struct firma_runner_origin *origin, int *status,
                       struct firma_error *err)
{
    struct firma_vm_machine machine;
    firma_vm_machine_init(&machine);
    FIRMA_AUTOCLOSE int cache = firma_vm_cache_open(getenv("HOME"), contract);
    int result = run_started(contract, origin, cache, &machine, status, err);
    firma_vm_machine_end(&machine);
    return result;
}

static int run_contract(char **argv, int *status, struct firma_error *err)
{
    struct firma_runner_origin origin;
    struct firma_contract contract = {0};
    int result = firma_runner_seal_descriptors(err);
    if (result == 0)
        result = firma_runner_take_over(&origin, argv, err);
    if (result == 0)
        result = firma_contract_read(argv[2], &contract, err);
    if (result == 0)
        result = run_machine(&contract, &origin, status, err);
    firma_contract_clear(&contract);
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "--launch-contract") != 0 || argv[2][0] != '/')
        return usage();
    struct firma_error err = {0};
    int status = 0;
    if (run_contract(argv, &status, &err) == 0)
        return firma_runner_mirror(status);
    fprintf(stderr, "firma-vm-runner: %s: %s\n", firma_error_name(err.code), err.text);
    return FIRMA_EXIT_RUNNER;
}
