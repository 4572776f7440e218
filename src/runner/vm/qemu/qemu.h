/* qemu.h - the parts of the QEMU back end of vmm.h. */
#ifndef FIRMA_QEMU_H
#define FIRMA_QEMU_H

#include <stdbool.h>
#include <stddef.h>

#include "runner/vm/vmm.h"

enum { FIRMA_QEMU_WORDS = 64 };

/* A command line that owns its words. */
struct firma_qemu_line {
    char *words[FIRMA_QEMU_WORDS + 1];
    size_t count;
    bool failed; /* out of memory or room */
};

/* The monitor's command line. SHARES: the connected socket of the file server, -1 without one. */
int firma_qemu_describe(const struct firma_vmm_spec *spec, int shares, struct firma_qemu_line *line,
                        struct firma_error *err);
/* The file server's, listening on LISTENER and serving DIRECTORY. */
int firma_qemu_describe_shares(int listener, const char *directory, struct firma_qemu_line *line,
                               struct firma_error *err);
void firma_qemu_line_clear(struct firma_qemu_line *line);

/* Builds a directory with each mount's source as a subdirectory named by its number, read-only
 * where the contract says so, and opens a listening socket in it. In the machine's own mount
 * namespace. Sets PATH (FIRMA_MAX_PATH + 1 bytes) to the directory. */
int firma_qemu_build_shares(const struct firma_contract *contract, char *path, int *listener,
                            int *connection, struct firma_error *err);

#endif
