/*
 * firma_run.h - start an untrusted command inside a micro-VM guest.
 *
 * The library behind `firma-run`: it validates what the operator configured, starts the two host
 * services a guest may talk to (an HTTP bridge in front of the operator's sidecar, and a DNS stub
 * that refuses every question), writes a launch contract, spawns a runner with it and supervises.
 * It does not boot the guest and enforces nothing inside it: that is the runner's duty.
 *
 * Errors: every fallible function takes a caller-owned `struct firma_error` last, returns 0 or a
 * negative `enum firma_error_code`, leaves the error untouched on success and its out-parameters
 * untouched on failure. A library function never prints and never exits.
 */
#ifndef FIRMA_RUN_H
#define FIRMA_RUN_H

#include <stddef.h>

/* code, short name (stable, printed before the message), meaning */
#define FIRMA_ERRORS(X)                                                                            \
    X(FIRMA_E_USAGE, 1, "usage", "the command line is wrong")                                      \
    X(FIRMA_E_CONFIG, 2, "config", "an environment variable or option has a bad value")            \
    X(FIRMA_E_ARTIFACT, 3, "artifact", "runner, kernel, initrd or rootfs cannot be used")          \
    X(FIRMA_E_MOUNT, 4, "mount", "a mount is not allowed")                                         \
    X(FIRMA_E_SIDECAR, 5, "sidecar", "the sidecar is unreachable or does not answer")              \
    X(FIRMA_E_CONTRACT, 6, "contract", "a launch contract breaks a rule of its version")           \
    X(FIRMA_E_CUSTODY, 7, "custody", "a file or directory has the wrong owner, mode or type")      \
    X(FIRMA_E_SPAWN, 8, "spawn", "a process could not be started")                                 \
    X(FIRMA_E_SYSTEM, 9, "system", "a system call failed")                                         \
    X(FIRMA_E_MEMORY, 10, "memory", "out of memory")

enum firma_error_code {
    FIRMA_OK = 0,
#define X(name, value, word, meaning) name = value,
    FIRMA_ERRORS(X)
#undef X
};

/* A failure: `code` from the table above, `errnum` an errno value or 0, `text` one line that names
 * what was wrong, where, and what to do. Owned by the caller, never allocated, never a secret. */
struct firma_error {
    int code;
    int errnum;
    char text[1024];
};

/* The short name of CODE ("artifact"), or "unknown". */
const char *firma_error_name(int code);

/* Fills ERR (which may be NULL) and returns -CODE. ERRNUM != 0 appends its strerror text. */
int firma_fail(struct firma_error *err, int code, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "PREFIX: " before the text already in ERR and returns -ERR->code. */
int firma_wrap(struct firma_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
