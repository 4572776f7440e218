/* times.h - where a launch's time went, for the log and for whoever measures. */
#ifndef FIRMA_VM_TIMES_H
#define FIRMA_VM_TIMES_H

#include <stddef.h>
#include <stdint.h>

/* The moments, in order. What lies between two has the later one's name. */
#define FIRMA_VM_MOMENTS(X)                                                                        \
    X(FIRMA_VM_BEGUN, "begin")                                                                     \
    X(FIRMA_VM_VERIFIED, "images")   /* held against the manifest, the sidecar asked */            \
    X(FIRMA_VM_BOOTED, "boot")       /* the guest said hello */                                    \
    X(FIRMA_VM_STARTED, "handshake") /* the place is built, the command starts */                  \
    X(FIRMA_VM_OVER, "run")                                                                        \
    X(FIRMA_VM_GONE, "teardown") /* nothing of the machine is left */

enum firma_vm_moment {
#define X(name, word) name,
    FIRMA_VM_MOMENTS(X)
#undef X
        FIRMA_VM_MOMENT_COUNT
};

struct firma_vm_times {
    int64_t at[FIRMA_VM_MOMENT_COUNT]; /* milliseconds, CLOCK_MONOTONIC; 0: not come to pass */
};

enum { FIRMA_VM_TIMES_TEXT = 160 };

int64_t firma_vm_now_ms(void);
void firma_vm_times_mark(struct firma_vm_times *times, enum firma_vm_moment moment);
/* "images 12 ms, boot 2003 ms, ...", without what has not come to pass. */
void firma_vm_times_render(const struct firma_vm_times *times, char text[FIRMA_VM_TIMES_TEXT]);

#endif
