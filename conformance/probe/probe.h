/*
 * probe.h - one attempt: what it is told, what it reports.
 *
 * A technique is a function of a step. It runs in a process of its own, which is killed at the
 * step's deadline, so it may block, crash or leave things behind. It reports what the system calls
 * said, nothing more: whether anything got out is for the observers to tell.
 */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include <sys/types.h>

#include "text.h"

enum { PROBE_PARAMS = 24, PROBE_DETAIL = 1024, PROBE_NONCE = 32 };

/* From weakest to strongest: of several tries within one step the strongest is reported. */
enum probe_result {
    PROBE_ERROR,       /* the attempt could not be made: a parameter is missing or wrong */
    PROBE_UNSUPPORTED, /* this program cannot do it on this system; a kernel's no is REFUSED */
    PROBE_CRASHED,     /* the attempt's process died (set by the parent only) */
    PROBE_TIMEOUT,     /* nothing happened until the deadline */
    PROBE_REFUSED,     /* the system said no; errno tells */
    PROBE_SENT,        /* handed to the kernel without an error */
    PROBE_CONNECTED,   /* somebody accepted the connection; the nonce was sent */
    PROBE_ANSWERED,    /* somebody answered */
};

struct probe_outcome {
    int result; /* enum probe_result */
    int errnum;
    int status;                /* of an HTTP answer, else 0 */
    char detail[PROBE_DETAIL]; /* free text, for people */
};

/* How this program was started: exec-child starts it again. */
struct probe_self {
    const char *program;
    const char *plan;
    const char *token;
    const char *host_boot; /* the machine statement: the observing kernel's boot id, or NULL */
    long host_seconds;     /* how long that kernel had been up */
};

/* Everything is borrowed. */
struct probe_step {
    const struct probe_self *self;
    const char *row;
    const char *technique;
    const char *nonce;
    long deadline_ms;
    uint64_t expires;                /* probe_now() at which the process is killed */
    const char *param[PROBE_PARAMS]; /* key=value */
    size_t params;
};

typedef void probe_technique(const struct probe_step *step, struct probe_outcome *out);

/* The function called NAME, or NULL. */
probe_technique *probe_find(const char *name);
/* The names, one after the other; NULL at the end. */
const char *probe_name(size_t index);

/* The value of KEY, or OTHERWISE. */
const char *probe_param(const struct probe_step *step, const char *key, const char *otherwise);
long probe_param_number(const struct probe_step *step, const char *key, long otherwise);
/* Milliseconds a system call may take: what is left of the deadline, less a margin to report in,
 * divided by the number of tries that still share it. At least 1. */
int probe_left(const struct probe_step *step, size_t tries);
/* Within an attempt: what it says on stderr comes out where the receipts do. */
bool probe_is_one_stream(void);

/* Notes the outcome of one try: keeps the strongest, adds FORMAT to the detail. */
void probe_try(struct probe_outcome *out, enum probe_result result, int errnum, const char *format,
               ...) __attribute__((format(printf, 4, 5)));
/* The same for a system call that failed: timeout or refused, as ERRNUM says. */
void probe_try_errno(struct probe_outcome *out, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *probe_result_name(int result);

/* Runs STEP's technique in a new process with its deadline. *PID is that process. */
void probe_attempt(struct probe_step *step, struct probe_outcome *out, pid_t *pid);

/* Effective capabilities of this process, 0 where there are none to have. */
uint64_t probe_capabilities(void);
/* Inode of the user namespace, 0 where unknown. */
uint64_t probe_user_namespace(void);
/* Whether this kernel is the guest's own and may be harmed: the plan says that the guest is a
 * machine, and this kernel has another boot id than the one the plan was written under and is
 * younger than that one was. Everything that touches a kernel or a hypervisor asks this first. */
bool probe_owns_kernel(const struct probe_self *self);
/* Replaces this process by itself as the guest's root, where the guest has a program that gives
 * root away. Returns where it has not, or where this is root already. */
void probe_become_root(char **argv);
/* Loads the driver of a machine's network devices, if the kernel is the guest's own: without it one
 * that should not be there would not show. */
void probe_find_nics(const struct probe_self *self);

#endif
