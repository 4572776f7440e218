/*
 * firma-ns-runner - runs a launch contract's command in fresh Linux namespaces.
 *
 *   host namespaces                      │ guest: user, pid, mount, net, ipc, uts (and cgroup) ns
 *                                        │
 *   launcher ── bridge, DNS stub         │
 *      │            ↑ 127.0.0.1          │
 *   runner: relay ──┘ ←── accepts on ────┼── listeners on 127.0.0.1 (made in the guest)
 *      │  supervisor ════ control ═══════┼══ pid 1 ── command
 *
 * The guest has a loopback device and nothing else; the only way out is a socket that was made in
 * the guest's network and is held by the runner, which copies what comes in on it to the bridge or
 * to the DNS stub and to nowhere else. If the runner dies the sockets die with it, and pid 1, whose
 * parent-death signal is SIGKILL, takes the guest along.
 *
 * No privilege is needed: a user namespace maps the caller's one id. All mounts belong to that
 * namespace, in which the command holds no capability, so read-only stays read-only; a namespace
 * that the command makes for itself gets locked copies (mount_namespaces(7)).
 *
 * Order: descriptors, signals, contract, namespaces; then the guest builds itself while the runner
 * asks for the sidecar and opens the relay; the command, forked meanwhile, is executed
 * only when both are done (launch.c), without any right. A failure anywhere before that: one line
 * on stderr, 125, and the command never ran.
 *
 * Standard streams are inherited as they are; the command stays in the runner's process group, so
 * that a terminal treats both as one job.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/ns/ns.h"

static int usage(void)
{
    fputs("usage: firma-ns-runner --launch-contract ABSOLUTE_PATH\n", stderr);
    return FIRMA_EXIT_RUNNER;
}

/* In the background the terminal stops all of a group whose member reads it. The runner is stopped
 * only once pid 1 has told that the command is: else that word would be read after a continue, and
 * stop the runner once more. */
static int leave_job_control_to_the_command(struct firma_error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTTIN);
    sigaddset(&set, SIGTTOU);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "signal mask");
    return 0;
}

static int run_guest(const struct firma_contract *contract,
                     const struct firma_runner_origin *origin, int *status, struct firma_error *err)
{
    struct firma_ns_guest guest;
    int result = firma_ns_launch(contract, origin, &guest, err);
    if (result < 0)
        return result;
    result = firma_runner_check_sidecar(firma_contract_proxy_port(contract), err);
    if (result == 0)
        result = firma_ns_await(&guest, err);
    if (result == 0)
        result = leave_job_control_to_the_command(err);
    if (result == 0)
        result = firma_ns_supervise(&guest, status, err);
    firma_ns_abandon(&guest);
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
        result = run_guest(&contract, &origin, status, err);
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
    fprintf(stderr, "firma-ns-runner: %s: %s\n", firma_error_name(err.code), err.text);
    return FIRMA_EXIT_RUNNER;
}
