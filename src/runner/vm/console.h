/*
 * console.h - what the guest's kernel, the monitor and the file server have to say.
 *
 * They write to a pipe and the runner copies it to a log: by default vm-console.log in the runtime
 * directory, which goes with it; SANDBOX_ID.log in the operator's log_dir, which stays. A guest can
 * print for ever, so only the first megabyte is kept. The last line is remembered whatever comes:
 * a machine that ends too early has usually said why.
 */
#ifndef FIRMA_VM_CONSOLE_H
#define FIRMA_VM_CONSOLE_H

#include <stdbool.h>

#include "firma_contract.h"
#include "runner/vm/options.h"

#define FIRMA_VM_LOG_NAME "vm-console.log"

enum { FIRMA_VM_LOG_MAX = 1024 * 1024, FIRMA_VM_LOG_LINE = 160 };

enum firma_vm_escape { FIRMA_VM_ESCAPE_NONE, FIRMA_VM_ESCAPE_BEGUN, FIRMA_VM_ESCAPE_CONTROL };

struct firma_vm_console {
    int input;  /* what they say; non-blocking */
    int output; /* where they say it: for the machine, ours until it has been started */
    int file;
    size_t kept; /* bytes of theirs in the file */
    size_t used; /* of `line` */
    enum firma_vm_escape escape;
    char line[FIRMA_VM_LOG_LINE];
    char last[FIRMA_VM_LOG_LINE]; /* the last line that was not blank, or a panic; printable, cut */
};

/* FIRMA_E_SYSTEM, _CUSTODY, _MOUNT (log_dir within reach of the guest). */
int firma_vm_console_open(const struct firma_contract *contract,
                          const struct firma_vm_options *options, struct firma_vm_console *out,
                          struct firma_error *err);
/* Copies what there is, at most a bounded run of it. False: nothing was waiting. */
bool firma_vm_console_serve(struct firma_vm_console *console);
/* All of it, and then what the machine said last; "" if it said nothing. Borrowed. */
const char *firma_vm_console_last(struct firma_vm_console *console);
/* A line of the runner's own; the limit does not count it. */
void firma_vm_console_note(struct firma_vm_console *console, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void firma_vm_console_close(struct firma_vm_console *console);

#endif
