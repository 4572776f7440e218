/*
 * block.h - all a guest is told before it builds anything, as one run of bytes.
 *
 * The host's time and fresh entropy (every launch of the same image starts alike otherwise), how
 * the command is to be started, the contract's seccomp program, and the contract itself as text,
 * which the guest reads as strictly as any reader.
 */
#ifndef FIRMA_VM_BLOCK_H
#define FIRMA_VM_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firma_contract.h"

enum { FIRMA_BLOCK_ENTROPY = 64, FIRMA_BLOCK_FILTER_MAX = 4096 * 8 };
#define FIRMA_BLOCK_MAX (FIRMA_CONTRACT_MAX_BYTES + FIRMA_BLOCK_FILTER_MAX + 1024u)

struct firma_block {
    uint32_t uid, gid; /* the launcher's */
    uint8_t terminal;  /* bit n: standard descriptor n is a pseudo-terminal of this size */
    uint16_t rows, columns;
    uint8_t closed; /* bit n: standard descriptor n is closed */
    bool ignore_sigchld;
    uint64_t blocked; /* bit n-1: signal n is blocked */
    uint32_t ignored; /* bit n-1: signal n is ignored */
    uint64_t seconds; /* CLOCK_REALTIME */
    uint32_t nanoseconds;
    uint8_t entropy[FIRMA_BLOCK_ENTROPY];
    const uint8_t *filter; /* borrowed; NULL and 0: none */
    size_t filter_size;
    const char *contract; /* borrowed */
    size_t contract_size;
};

/* *BYTES (malloc'd, caller's) are BLOCK. FIRMA_E_MEMORY, FIRMA_E_CONTRACT (too long). */
int firma_block_encode(const struct firma_block *block, uint8_t **bytes, size_t *size,
                       struct firma_error *err);
/* OUT borrows from BYTES. FIRMA_E_CONTRACT. */
int firma_block_decode(const uint8_t *bytes, size_t size, struct firma_block *out,
                       struct firma_error *err);

#endif
