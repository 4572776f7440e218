/*
 * firma_run.h - start an untrusted command inside a micro-VM guest.
 *
 * The library behind `firma-run`: it validates what the operator configured, starts the two host
 * services a guest may talk to (an HTTP bridge in front of the operator's sidecar, and a DNS stub
 * that refuses every question), writes a launch contract, spawns a runner with it and supervises.
 * It does not boot the guest and enforces nothing inside it: that is the runner's duty.
 *
 *     struct firma_run_options options;
 *     struct firma_launch *launch = NULL;
 *     struct firma_exit end;
 *     struct firma_error err = {0};
 *     firma_run_options_init(&options, environ);
 *     options.command = argv + 1;
 *     if (firma_launch_prepare(&launch, &options, &err) == 0 &&
 *         firma_launch_run(launch, &end, &err) == 0)
 *         status = firma_exit_code(&end);
 *     firma_launch_close(launch);
 *
 * Errors: every fallible function takes a caller-owned `struct firma_error` last, returns 0 or a
 * negative `enum firma_error_code`, leaves the error untouched on success and its out-parameters
 * untouched on failure. A library function never prints and never exits.
 */
#ifndef FIRMA_RUN_H
#define FIRMA_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
    X(FIRMA_E_MEMORY, 10, "memory", "out of memory")                                               \
    X(FIRMA_E_INTERRUPTED, 11, "interrupted", "a signal arrived before the runner was started")

enum firma_error_code {
    FIRMA_OK = 0,
#define X(name, value, word, meaning) name = value,
    FIRMA_ERRORS(X)
#undef X
};

/* A failure: `code` from the table above, `errnum` an errno value or 0 (the signal's number for
 * FIRMA_E_INTERRUPTED), `text` one line that names what was wrong, where, and what to do, its
 * control characters shown as '?'. Owned by the caller, never allocated, never a secret. */
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

/* Exit status of a launcher for its own failures; a command may exit 125 too, and then only the
 * status descriptor tells the two apart. */
#define FIRMA_EXIT_OWN_FAILURE 125

/*
 * What the operator asked for. Every pointer is borrowed until firma_launch_close(). The names are
 * those of the command line; the environment variables of guest mode (FIRMA_RUN_VZ_GUEST and its
 * kin, FIRMA_RUN_SIDECAR, FIRMA_RUN_SESSION_ID) are looked up in `environment`.
 */
struct firma_run_options {
    char *const *environment; /* the launcher's own, NULL-terminated "K=V" */
    const char *sidecar;      /* tcp://IP:PORT or unix:///PATH; NULL: FIRMA_RUN_SIDECAR */
    const char *profile;      /* NULL or empty: none */
    const char *agent_id;     /* NULL or empty: none */
    const char *cwd;          /* NULL: the current directory */
    const char *const *env;   /* "K=V" for the guest, later ones win */
    size_t env_count;
    const char *const *pass_env; /* names copied from `environment`; one that is unset is refused */
    size_t pass_env_count;
    const char *const *mounts; /* "SRC:DST" or "SRC:DST:ro"; neither path may hold a colon */
    size_t mount_count;
    const char *identity;    /* "host_user" (NULL means it) or "sandbox_user" */
    const char *seccomp;     /* raw struct sock_filter array, or NULL */
    const char *runtime_dir; /* NULL: see runtime_dir.h for the default */
    const char *log_file;    /* NULL: no log; else appended to, created 0600 */
    int status_fd;           /* JSON lines go here; -1: nowhere */
    unsigned grace_seconds;  /* see firma_launch_run(); 0: only a repeated signal escalates */
    bool keep;               /* leave the runtime directory behind */
    bool release_stdio;   /* point this process's fds 0-2 at /dev/null once the runner has them */
    char *const *command; /* what runs in the guest, NULL-terminated, argv[0] first */
};

/* Everything unset, status_fd -1, ten seconds of grace, ENVIRONMENT borrowed. */
void firma_run_options_init(struct firma_run_options *options, char *const *environment);

/* How a launch ended: the command's own exit `code`, or the `signal` that killed it (then code is
 * 0), or by_launcher: we ended or lost it, and `code` is FIRMA_EXIT_OWN_FAILURE. */
struct firma_exit {
    int code;
    int signal;
    bool by_launcher;
    bool escalated; /* we sent the KILL, see firma_launch_run() */
};

/* n for exit n, 128+s for death by signal s, 125 for our own failures. */
int firma_exit_code(const struct firma_exit *end);

struct firma_launch;

/*
 * Does everything up to the spawn, in this order, the first failure winning: flags, artifacts,
 * mounts, sidecar, bridge and DNS stub, runtime directory and contract, proof. Blocks the signals
 * the launcher handles until firma_launch_close(), so that none is lost around the spawn; one of
 * INT TERM HUP QUIT that arrives meanwhile ends the preparation with FIRMA_E_INTERRUPTED. One
 * launch at a time per process, from its only thread, and no children of its own.
 * FIRMA_E_CONFIG, _ARTIFACT, _MOUNT, _SIDECAR, _CONTRACT, _CUSTODY, _SYSTEM, _MEMORY, _INTERRUPTED.
 * On failure everything is undone and *OUT is untouched.
 */
int firma_launch_prepare(struct firma_launch **out, const struct firma_run_options *options,
                         struct firma_error *err);

/* The proof (one line) and the contract as written, borrowed until firma_launch_close(). */
const char *firma_launch_proof(const struct firma_launch *launch);
const char *firma_launch_contract(const struct firma_launch *launch);

/*
 * Starts the runner, serves and supervises until it has ended and nothing of it is left. Signals
 * INT TERM HUP QUIT USR1 USR2 WINCH CONT TSTP are forwarded once each. The first TERM or INT starts
 * a grace period: the same signal again within it kills; the end of a TERM's period kills; the end
 * of an INT's only forgets it, because an interactive command may take it and go on. Once per
 * launch. FIRMA_E_SPAWN when no runner came to be, FIRMA_E_SYSTEM. See credentials(7),
 * tty_ioctl(4).
 */
int firma_launch_run(struct firma_launch *launch, struct firma_exit *out, struct firma_error *err);

/* Closes the services, removes the runtime directory (unless kept), ends the guardian, restores
 * terminal and signals. NULL is harmless. */
void firma_launch_close(struct firma_launch *launch);

#endif
