/*
 * common.h - what every runner of ours does on the host's side, whatever its guest is made of.
 *
 *     if (firma_runner_seal_descriptors(&err) < 0 ||             // before anything is opened
 *         firma_runner_take_over(&origin, argv, &err) < 0 ||     // before anything can be missed
 *         firma_contract_read(path, &contract, &err) < 0 ||
 *         firma_runner_check_sidecar(firma_contract_proxy_port(&contract), &err) < 0)
 *         refuse(&err);
 *     ... the guest, its command, the command's wait status ...
 *     return firma_runner_mirror(status);
 *
 * Errors as everywhere: 0 or a negative `enum firma_error_code`, out-parameters untouched on
 * failure.
 */
#ifndef FIRMA_RUNNER_COMMON_H
#define FIRMA_RUNNER_COMMON_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "firma_run.h"

/* ---- descriptors_linux.c ---- */

/* Leaves descriptors 0-2 exactly as they are and closes all others. A standard descriptor that is
 * closed gets a CLOEXEC placeholder, so that no descriptor of ours can take its place and the
 * command finds it closed again. A directory there is refused: it would be a door to the host. */
int firma_runner_seal_descriptors(struct firma_error *err);

/* ---- origin_linux.c ---- */

/* How the runner itself was started: what the command must find again. */
struct firma_runner_origin {
    sigset_t mask;
    bool ignore_sigchld;
    pid_t parent;
    char **arguments; /* borrowed; a guest that can read them gets a wiped copy */
};

/* Blocks the signals the runner handles (the contract's nine, and SIGCHLD) before anything else can
 * happen, makes SIGCHLD reapable, and arranges to die with the parent. */
int firma_runner_take_over(struct firma_runner_origin *origin, char **arguments,
                           struct firma_error *err);
extern const int firma_runner_signals[];
extern const size_t firma_runner_signal_count;
/* A descriptor, owned by the caller, from which the contract's nine are read without waiting. */
int firma_runner_open_signals(struct firma_error *err);

/* ---- sidecar_check.c ---- */

/* Asks through the bridge at PORT whether the sidecar answers, within two seconds. FIRMA_E_SIDECAR
 * says why not. */
int firma_runner_check_sidecar(uint16_t port, struct firma_error *err);

/* ---- mirror.c ---- */

/* Ends the way the command with the wait STATUS ended, so that whoever waits sees the very same: a
 * signal kills us, an exit status is returned for main() to return. */
int firma_runner_mirror(int status);

#endif
