/*
 * fuzz.h - what every target shares. A target is one file with LLVMFuzzerTestOneInput(): it feeds
 * hostile bytes to one reader and then holds what came out against rules that must always be true.
 *
 * With the preset `fuzz` clang's libFuzzer drives it; in every other build replay.c does, over the
 * files of fixtures/corpus/TARGET, as an ordinary test.
 */
#ifndef CF_FUZZ_H
#define CF_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The target. Always returns 0; whatever is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process unless RULE holds: a finding. Not assert(3), which a build may leave out. */
#define FUZZ_MUST(rule)                                                                            \
    do {                                                                                           \
        if (!(rule)) {                                                                             \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #rule);                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Takes numbers off the input; past its end they are 0. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

static inline uint32_t fuzz_take(struct fuzz_input *input, size_t bytes)
{
    uint32_t value = 0;
    for (; bytes > 0 && input->left > 0; bytes--, input->at++, input->left--)
        value = value << 8 | *input->at;
    return value;
}

#endif
