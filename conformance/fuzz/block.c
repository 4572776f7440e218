/* The launch block, as the guest reads it: the one thing that goes the other way. */
#include "fuzz.h"

#include <string.h>

#include "runner/vm/channel/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct firma_error err = {0};
    struct firma_block block;
    uint8_t *again = NULL;
    size_t length = 0;
    if (firma_block_decode(data, size, &block, &err) < 0) {
        FUZZ_MUST(err.text[0] != '\0');
        return 0;
    }
    FUZZ_MUST(block.filter_size + block.contract_size <= size);
    FUZZ_MUST(firma_block_encode(&block, &again, &length, &err) == 0);
    FUZZ_MUST(length == size);
    struct firma_block twice;
    FUZZ_MUST(firma_block_decode(again, length, &twice, &err) == 0);
    FUZZ_MUST(memcmp(twice.entropy, block.entropy, sizeof block.entropy) == 0);
    FUZZ_MUST(memcmp(twice.contract, block.contract, block.contract_size) == 0);
    free(again);
    return 0;
}
