/*
 * guest.h - what happens inside a guest, once, for every runner that has one.
 *
 * A runner builds the place (namespaces or a virtual machine) and the roads out of it; this module
 * does the rest from the inside: listeners at the addresses the contract promises, resolver files,
 * the contract's mounts, the command's identity, its system call filter, exact environment, working
 * directory, and the exec itself. Every term is applied or the command does not run: there is no
 * third outcome, and nothing here falls back to something weaker.
 *
 *     struct firma_guest_listener listeners[FIRMA_GUEST_LISTENERS];
 *     if (firma_guest_listen(&contract, listeners, &count, &err) < 0 ||   // in the guest's network
 *         firma_guest_mount(root, &contract, trees, &err) < 0 ||          // in its mount namespace
 *         ...)
 *         refuse(&err);
 *     pid_t command = firma_guest_spawn(&start, &gate, &err);             // as its pid 1
 *     firma_guest_init(control, terminal, command, gate);
 *
 * Errors as everywhere: 0 or a negative `enum firma_error_code`, out-parameters untouched on
 * failure. What is declared under "Linux" exists only there.
 */
#ifndef FIRMA_GUEST_H
#define FIRMA_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "firma_contract.h"
#include "runner/guest/terminal_linux.h"

/* What a runner exits with when the command did not do the exiting. */
enum {
    FIRMA_EXIT_RUNNER = 125,     /* the runner itself failed or refused */
    FIRMA_EXIT_UNRUNNABLE = 126, /* the command exists and cannot be executed */
    FIRMA_EXIT_MISSING = 127,    /* the command does not exist */
    FIRMA_EXIT_SIGNAL = 128      /* + the signal that killed it */
};

/* ---- listeners.c: portable ---- */

/* One listening socket on the guest's 127.0.0.1, and the host's loopback port it stands for. */
struct firma_guest_listener {
    int fd; /* owned, CLOEXEC, non-blocking */
    bool datagram;
    uint16_t port;     /* in the guest */
    uint16_t upstream; /* on the host */
};

enum { FIRMA_GUEST_LISTENERS = 5, FIRMA_GUEST_DNS_PORT = 53 };

/* Creates, in the current network, the listeners CONTRACT promises: TCP at proxy_url, UDP and TCP
 * at dns_stub_addr, and UDP and TCP at 127.0.0.1:53 for the stub again (left out when the stub's
 * own port is 53). *COUNT of LISTENERS are set. FIRMA_E_SYSTEM names the address. */
int firma_guest_listen(const struct firma_contract *contract,
                       struct firma_guest_listener listeners[FIRMA_GUEST_LISTENERS], size_t *count,
                       struct firma_error *err);
void firma_guest_listeners_close(struct firma_guest_listener *listeners, size_t count);

/* ---- resolver.c: portable ---- */

/* True if NAME (in /etc) is one of the files firma_guest_write_resolver() creates. */
bool firma_guest_owns_etc_file(const char *name);

/* Creates resolv.conf (nameserver 127.0.0.1, see resolv.conf(5)) and nsswitch.conf (hosts: files
 * dns) in the directory ETC, mode 0644. A file already there is FIRMA_E_SYSTEM. */
int firma_guest_write_resolver(int etc, struct firma_error *err);

/* ---- exec.c: portable ---- */

/* A contract's command as execve(2) wants it. */
struct firma_guest_words {
    char **arguments;   /* argv[0] and the rest; the strings are the contract's */
    char **environment; /* NAME=VALUE; owned with its strings */
};

/* FIRMA_E_MEMORY. */
int firma_guest_words_make(const struct firma_contract *contract, struct firma_guest_words *out,
                           struct firma_error *err);
void firma_guest_words_clear(struct firma_guest_words *words);

/* Replaces the process by CONTRACT's command, whose WORDS these are, with exactly its environment.
 * An executable without a slash is looked up in the contract's own PATH. Returns only on failure:
 * FIRMA_EXIT_MISSING or FIRMA_EXIT_UNRUNNABLE, with the reason in ERR. */
int firma_guest_exec(const struct firma_contract *contract, const struct firma_guest_words *words,
                     struct firma_error *err);

#if defined(__linux__)

#include <signal.h>

/* ---- identity_linux.c ---- */

/* Who the command is. NESTED: the process's one mapped id becomes UID:GID in a user namespace of
 * the command's own (user_namespaces(7)); else it changes to them, which takes privilege. */
struct firma_guest_identity {
    uid_t uid;
    gid_t gid;
    bool nested;
    bool drop_groups; /* no supplementary group may be left */
    bool
        may_rise; /* a set-user-ID program may raise it: only where the kernel is the guest's own */
};

enum { FIRMA_SANDBOX_ID = 65534 };

/* Leaves the process's supplementary groups, before any user namespace forbids it. Where that is
 * already forbidden, a group beyond the primary one is a refusal (FIRMA_E_SYSTEM). */
int firma_guest_leave_groups(struct firma_error *err);

/* Maps UID and GID as INSIDE_UID and INSIDE_GID in the user namespace just entered, alone. */
int firma_guest_map_ids(uid_t inside_uid, uid_t uid, gid_t inside_gid, gid_t gid,
                        struct firma_error *err);

/* Becomes WHO: identity for good, no capability in any set (bounding set included), no_new_privs;
 * then looks whether it is so. One that MAY_RISE keeps the bounding set, is not held by
 * no_new_privs, and has until its next exec the capabilities it came with, so that it can still
 * load a filter; what that exec leaves it is what its user id deserves (capabilities(7)). */
int firma_guest_become(const struct firma_guest_identity *who, struct firma_error *err);

/* The capability part alone. */
int firma_guest_drop_privileges(struct firma_error *err);

/* A part of that, which a child inherits for good and need not do again (but in a user namespace
 * of its own). */
int firma_guest_drop_bounding_set(struct firma_error *err);

/* ---- filter_linux.c ---- */

struct sock_filter;

/* A seccomp program (seccomp(2)), as loaded from a file or built in. */
struct firma_guest_filter {
    struct sock_filter *code; /* owned if it came from firma_guest_filter_read() */
    unsigned short count;
};

/* Reads the raw `struct sock_filter` array at PATH: a regular file in trusted custody, a whole
 * number of instructions, 1 to BPF_MAXINSNS. FIRMA_E_CUSTODY, FIRMA_E_CONTRACT, FIRMA_E_SYSTEM. */
int firma_guest_filter_read(const char *path, struct firma_guest_filter *out,
                            struct firma_error *err);
void firma_guest_filter_clear(struct firma_guest_filter *filter);
/* Loads FILTER for good; the kernel judges the program. Needs no_new_privs or CAP_SYS_ADMIN. */
int firma_guest_filter_load(const struct firma_guest_filter *filter, struct firma_error *err);

/* ---- network_linux.c ---- */

/* Brings up the loopback device of the current network namespace. */
int firma_guest_loopback_up(struct firma_error *err);

/* ---- mounts_linux.c ---- */

/* Clones the directory tree at each mount's source, in order, read-only where the contract says so,
 * nosuid and nodev always, as detached mounts in TREES (mount_count descriptors, owned by the
 * caller, CLOEXEC). To be called while the sources are still visible. FIRMA_E_MOUNT. */
int firma_guest_clone_mounts(const struct firma_contract *contract, int *trees,
                             struct firma_error *err);

/* Attaches TREES below the directory ROOT, in order. Missing target directories are created; a
 * target that passes through a symbolic link, or is reserved, is refused (FIRMA_E_MOUNT). */
int firma_guest_attach_mounts(const struct firma_contract *contract, const int *trees, int root,
                              struct firma_error *err);

/* ---- command_linux.c ---- */

/* Everything the command process needs; all borrowed. */
struct firma_guest_start {
    const struct firma_contract *contract;
    struct firma_guest_identity identity;
    const struct firma_guest_filter *confinement;               /* the runner's own, or NULL */
    const struct firma_guest_filter *filter;                    /* the contract's, or NULL */
    int (*build)(const void *context, struct firma_error *err); /* its part of the root, or NULL */
    const void *context;                                        /* what that is called with */
    sigset_t mask;       /* the signal mask the command starts with */
    bool ignore_sigchld; /* it was started with SIGCHLD ignored */
    bool own_group;      /* a process group of its own */
    int foreground_of;   /* then: the terminal whose foreground that is; -1: none */
};

/* Forks the process that becomes the command; returns its pid. It does its part of the building
 * and waits behind *GATE (the caller's, CLOEXEC) until one byte is written there, when the guest's
 * root must be in place; it ends if there never is one. On one side of the gate or the other it
 * gives up every right. Whatever goes wrong before the exec ends that process with
 * FIRMA_EXIT_RUNNER and one line on stderr, and the command never runs. */
pid_t firma_guest_spawn(const struct firma_guest_start *start, int *gate, struct firma_error *err);

/* ---- init_linux.c ---- */

/* The life of pid 1 (see the file's theory of operation): reaps, passes on the signals it is told
 * to by CONTROL, reports COMMAND's stops, continues and end there, and exits as soon as the command
 * has ended or CONTROL hangs up, which ends everything else in the pid namespace. TERMINAL is the
 * guest's own. The command's GATE is opened once all that watches it is in place. */
_Noreturn void firma_guest_init(int control, struct firma_guest_terminal *terminal, pid_t command,
                                int gate);

#endif /* __linux__ */

#endif
