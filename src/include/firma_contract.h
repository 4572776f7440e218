/*
 * firma_contract.h - the launch contract, version 1: what a launcher tells a runner.
 *
 * One module is both the writer (launcher) and the strict reader (runners): whatever is written
 * here can be read here, and the writer refuses what the reader would refuse, before anything is
 * spawned. The file is `<runtime_dir>/vz-guest-launch.json`: UTF-8 JSON (RFC 8259), 2-space indent,
 * keys in a fixed order, map keys sorted by byte, no trailing newline.
 *
 *     struct firma_contract contract = {0};
 *     struct firma_error err = {0};
 *     if (firma_contract_read(path, &contract, &err) < 0)
 *         return report(&err);                  // err.text names the field that was refused
 *     for (size_t i = 0; i < contract.mount_count; i++)
 *         ... contract.mounts[i].source ...
 *     firma_contract_clear(&contract);
 *
 * Errors: 0 or a negative `enum firma_error_code`; out-parameters untouched on failure. A broken
 * rule is FIRMA_E_CONTRACT and the message starts with the field ("command.args[3]: ..."). Messages
 * carry field names, never the values of arguments, environment or headers.
 */
#ifndef FIRMA_CONTRACT_H
#define FIRMA_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firma_run.h"

#define FIRMA_CONTRACT_FILE      "vz-guest-launch.json"
#define FIRMA_CONTRACT_MAX_BYTES (4u * 1024 * 1024) /* of one contract file, inclusive */

#define FIRMA_UUID_SIZE          37 /* 36 characters and the NUL */

/* Limits of version 1: inclusive; texts in bytes without the NUL. */
enum {
    FIRMA_MAX_PATH = 4096,
    FIRMA_MAX_ARG = 4096, /* the executable and each argument */
    FIRMA_MAX_ARGS = 256,
    FIRMA_MAX_ENV = 256,
    FIRMA_MAX_ENV_KEY = 256,
    FIRMA_MAX_ENV_VALUE = 8192,
    FIRMA_MAX_MOUNTS = 64,
    FIRMA_MAX_HEADERS = 32,
    FIRMA_MAX_HEADER_NAME = 128,
    FIRMA_MAX_HEADER_VALUE = 1024,
    FIRMA_MAX_ADDRESS = 128
};

/* The six invariants, in the contract's order: enumerator, name in the contract. */
#define FIRMA_INVARIANTS(X)                                                                        \
    X(FIRMA_SIDECAR_ONLY_EGRESS, "sidecar_only_egress")                                            \
    X(FIRMA_DNS_CONFINED, "dns_confined")                                                          \
    X(FIRMA_FAIL_CLOSED_STARTUP, "fail_closed_startup")                                            \
    X(FIRMA_FAIL_CLOSED_RUNTIME, "fail_closed_runtime")                                            \
    X(FIRMA_DIRECT_BYPASS_RESISTANT, "direct_bypass_resistant")                                    \
    X(FIRMA_PRESERVE_STDIO_SIGNALS_EXIT, "preserve_stdio_signals_exit")

enum firma_invariant {
#define X(name, word) name,
    FIRMA_INVARIANTS(X)
#undef X
        FIRMA_INVARIANT_COUNT
};

enum firma_invariant_mode {
    FIRMA_REQUIRED,           /* "required" */
    FIRMA_DISABLED_BY_POLICY, /* "disabled_by_policy": fail_closed_startup only */
};

enum firma_identity_mode {
    FIRMA_SANDBOX_USER, /* "sandbox_user": uid 65534, no groups, no capabilities */
    FIRMA_HOST_USER,    /* "host_user": the launcher's uid and gid */
};

/* One entry of a string map: an environment variable or an attribution header. */
struct firma_pair {
    char *name;
    char *value;
};

struct firma_mount {
    char *source;
    char *target;
    bool read_only;
};

/*
 * A contract. All zero is an empty one: no field set, every invariant required, sandbox_user. Every
 * pointer is owned by the structure (malloc'd) and released by firma_contract_clear(). Strings are
 * NUL-terminated byte strings; env and headers may be in any order (the writer sorts them; the
 * reader keeps the file's).
 */
struct firma_contract {
    char sandbox_id[FIRMA_UUID_SIZE];
    char *runtime_dir;
    char *runner_path;
    char *kernel;
    char *initrd;
    char *rootfs;
    char *executable;
    char **args; /* without argv[0]; arg_count entries, no NULL at the end */
    size_t arg_count;
    char *cwd;
    struct firma_pair *env; /* the guest's whole environment */
    size_t env_count;
    enum firma_identity_mode identity_mode;
    char *seccomp_filter_path;  /* NULL: null in the contract, no filter */
    struct firma_mount *mounts; /* in order; the last is cwd on cwd, read-write */
    size_t mount_count;
    char *proxy_url;            /* http://127.0.0.1:PORT */
    char *dns_stub_addr;        /* 127.0.0.1:PORT */
    struct firma_pair *headers; /* attribution headers */
    size_t header_count;
    enum firma_invariant_mode invariants[FIRMA_INVARIANT_COUNT];
};

/* Releases everything CONTRACT owns and makes it empty again. NULL is harmless. */
void firma_contract_clear(struct firma_contract *contract);

/* Builders: each copies its texts. FIRMA_E_MEMORY. Rules are judged later, by validate. */
int firma_contract_set_text(char **field, const char *text, struct firma_error *err);
int firma_contract_add_arg(struct firma_contract *contract, const char *arg,
                           struct firma_error *err);
int firma_contract_add_mount(struct firma_contract *contract, const char *source,
                             const char *target, bool read_only, struct firma_error *err);
/* Sets a variable or header; a later value for the very same name replaces the earlier one. */
int firma_contract_set_env(struct firma_contract *contract, const char *name, const char *value,
                           struct firma_error *err);
int firma_contract_set_header(struct firma_contract *contract, const char *name, const char *value,
                              struct firma_error *err);

/* The value of environment variable NAME, borrowed; NULL when the contract has none. */
const char *firma_contract_env(const struct firma_contract *contract, const char *name);

/* The port in proxy_url or dns_stub_addr, host byte order; 0 if that field is not as it must be. */
uint16_t firma_contract_proxy_port(const struct firma_contract *contract);
uint16_t firma_contract_dns_port(const struct firma_contract *contract);

/* The name of an invariant in the contract ("dns_confined"); NULL for no invariant. */
const char *firma_invariant_name(enum firma_invariant invariant);

/* Holds CONTRACT against every rule and limit of version 1. Pure: touches no file.
 * FIRMA_E_CONTRACT names the first field that breaks one. */
int firma_contract_validate(const struct firma_contract *contract, struct firma_error *err);

/*
 * The mount rule that needs the host's paths: no writable mount may equal, contain or lie inside
 * any of the GUARDED paths (runtime directory, the runner's directory, artifacts, seccomp filter,
 * the sidecar's socket; NULL entries are skipped). Pure: the caller passes *canonical* paths
 * (realpath(3)) in mounts[].source and in GUARDED. FIRMA_E_MOUNT names both paths.
 */
int firma_contract_check_mounts(const struct firma_mount *mounts, size_t mount_count,
                                const char *const *guarded, size_t guarded_count,
                                struct firma_error *err);

/* Validates CONTRACT and renders it. *TEXT (malloc'd, caller's, NUL-terminated) holds *LENGTH
 * bytes. FIRMA_E_CONTRACT also for text that is not UTF-8 and for more than
 * FIRMA_CONTRACT_MAX_BYTES; FIRMA_E_MEMORY. */
int firma_contract_encode(const struct firma_contract *contract, char **text, size_t *length,
                          struct firma_error *err);

/* Parses LENGTH bytes strictly (unknown, missing and duplicate keys at any level, wrong types,
 * trailing bytes, NUL and invalid UTF-8 are refused, naming the field) and validates the result.
 * *OUT is overwritten on success: it must own nothing. FIRMA_E_CONTRACT, FIRMA_E_MEMORY. */
int firma_contract_decode(const char *text, size_t length, struct firma_contract *out,
                          struct firma_error *err);

/*
 * Creates FIRMA_CONTRACT_FILE in the directory DIRFD (borrowed; must be ours and 0700), mode 0600
 * from birth, complete before it is visible under its name. Anything already at that name, a
 * symbolic link too, is a refusal, and is left alone. FIRMA_E_CUSTODY, FIRMA_E_CONTRACT,
 * FIRMA_E_SYSTEM, FIRMA_E_MEMORY. See openat(2), linkat(2).
 */
int firma_contract_write(int dirfd, const struct firma_contract *contract, struct firma_error *err);

/*
 * Reads the contract at the absolute PATH after checking its custody on the very descriptor that
 * is read: a regular file (never a symbolic link) of ours or root's without any permission for
 * group and others; its directory ours and 0700; every directory above owned by us or root and not
 * writable by group or others unless sticky. FIRMA_E_CUSTODY, else as decode. *OUT as in decode.
 */
int firma_contract_read(const char *path, struct firma_contract *out, struct firma_error *err);

/* Writes a fresh UUID version 7 (RFC 9562, 5.7), lower case, to OUT. FIRMA_E_SYSTEM. */
int firma_uuid7(char out[FIRMA_UUID_SIZE], struct firma_error *err);

#endif
