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

static const char usage[] = "usage: firma-vm-runner --launch-contract ABSOLUTE_PATH\n"
                            "       firma-vm-runner --check KERNEL INITRD ROOTFS\n"
                            "       firma-vm-runner --help | --version\n";

static const char help[] =
    "\n"
    "Runs a launch contract's command in a virtual machine without any network device.\n"
    "\n"
    "  --launch-contract  what firma-run calls it with; the exit status is the command's, 128+n "
    "for\n"
    "                     its death by signal n, 125 when the runner or the machine failed\n"
    "  --check            hold the images against their manifest, and boot them until the guest\n"
    "                     speaks; tries anew which accelerator works on this host\n"
    "\n"
    "Beside the kernel lie manifest.json (sizes and SHA-256 of the images, scripts/build-guest "
    "writes\n"
    "it; without it nothing boots) and, if you want other than the defaults, machine.json:\n"
    "\n"
    "  memory_mib     1024    the guest's memory\n"
    "  processors     1       and processors\n"
    "  accelerator    \"auto\"  kvm or hvf if the guest boots with it, else tcg; or one of these\n"
    "  start_seconds  120     how long a guest may take to be ready\n"
    "  log_dir        none    a folder (0700) that keeps SANDBOX_ID.log: what kernel and monitor\n"
    "                         print, and at its end how long each stage took\n";

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

static int fail(const struct firma_error *err)
{
    fprintf(stderr, "firma-vm-runner: %s: %s\n", firma_error_name(err->code), err->text);
    return FIRMA_EXIT_RUNNER;
}

static int check(char **images)
{
    struct firma_error err = {0};
    for (size_t i = 0; i < FIRMA_VM_IMAGE_COUNT; i++)
        if (images[i][0] != '/') {
            firma_fail(&err, FIRMA_E_USAGE, 0, "%s: must be an absolute path", images[i]);
            return fail(&err);
        }
    return firma_vm_check(images, &err) == 0 ? 0 : fail(&err);
}

int main(int argc, char **argv)
{
    struct firma_error err = {0};
    int status = 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return printf("%s%s", usage, help) < 0;
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("firma-vm-runner " FIRMA_VERSION) < 0;
    if (argc == 5 && strcmp(argv[1], "--check") == 0)
        return check(argv + 2);
    if (argc != 3 || strcmp(argv[1], "--launch-contract") != 0 || argv[2][0] != '/') {
        fputs(usage, stderr);
        return FIRMA_EXIT_RUNNER;
    }
    return run_contract(argv, &status, &err) == 0 ? firma_runner_mirror(status) : fail(&err);
}
