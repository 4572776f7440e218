#include "runner/vm/channel/block.h"

#include <stdlib.h>
#include <string.h>

#include "runner/vm/channel/frame.h"

enum { MAGIC = 0x4d56464c, FIXED = 4 * 13 + FIRMA_BLOCK_ENTROPY };

static uint64_t get64(const uint8_t *bytes)
{
    return firma_get32(bytes) | (uint64_t)firma_get32(bytes + 4) << 32;
}

static void put_fixed(const struct firma_block *block, uint8_t *out)
{
    const uint32_t fields[] = {
        MAGIC,
        block->uid,
        block->gid,
        (uint32_t)block->ignore_sigchld | (uint32_t)block->terminal << 4 |
            (uint32_t)block->closed << 8,
        (uint32_t)block->rows << 16 | block->columns,
        (uint32_t)block->blocked,
        (uint32_t)(block->blocked >> 32),
        (uint32_t)block->seconds,
        (uint32_t)(block->seconds >> 32),
        block->nanoseconds,
        (uint32_t)block->filter_size,
        (uint32_t)block->contract_size,
        block->ignored,
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        firma_put32(out + 4 * i, fields[i]);
    memcpy(out + 4 * 13, block->entropy, FIRMA_BLOCK_ENTROPY);
}

int firma_block_encode(const struct firma_block *block, uint8_t **bytes, size_t *size,
                       struct firma_error *err)
{
    size_t total = FIXED + block->filter_size + block->contract_size;
    if (total > FIRMA_BLOCK_MAX)
        return firma_fail(err, FIRMA_E_CONTRACT, 0, "launch block: too long");
    uint8_t *out = malloc(total);
    if (out == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "launch block");
    put_fixed(block, out);
    if (block->filter_size > 0)
        memcpy(out + FIXED, block->filter, block->filter_size);
    memcpy(out + FIXED + block->filter_size, block->contract, block->contract_size);
    *bytes = out;
    *size = total;
    return 0;
}

int firma_block_decode(const uint8_t *bytes, size_t size, struct firma_block *out,
                       struct firma_error *err)
{
    if (size < FIXED || size > FIRMA_BLOCK_MAX || firma_get32(bytes) != MAGIC)
        return firma_fail(err, FIRMA_E_CONTRACT, 0, "launch block: malformed");
    uint32_t flags = firma_get32(bytes + 12), window = firma_get32(bytes + 16);
    struct firma_block block = {.uid = firma_get32(bytes + 4),
                                .gid = firma_get32(bytes + 8),
                                .terminal = (uint8_t)(flags >> 4 & 7),
                                .ignore_sigchld = (flags & 1) != 0,
                                .closed = (uint8_t)(flags >> 8 & 7),
                                .rows = (uint16_t)(window >> 16),
                                .columns = (uint16_t)window,
                                .blocked = get64(bytes + 20),
                                .seconds = get64(bytes + 28),
                                .nanoseconds = firma_get32(bytes + 36),
                                .filter_size = firma_get32(bytes + 40),
                                .contract_size = firma_get32(bytes + 44),
                                .ignored = firma_get32(bytes + 48)};
    if (block.filter_size > FIRMA_BLOCK_FILTER_MAX || block.filter_size % 8 != 0 ||
        (block.terminal & block.closed) != 0 ||
        block.contract_size != size - FIXED - block.filter_size)
        return firma_fail(err, FIRMA_E_CONTRACT, 0, "launch block: contradictory");
    memcpy(block.entropy, bytes + 4 * 13, FIRMA_BLOCK_ENTROPY);
    block.filter = block.filter_size > 0 ? bytes + FIXED : NULL;
    block.contract = (const char *)bytes + FIXED + block.filter_size;
    *out = block;
    return 0;
}
