/* sha256.h - FIPS 180-4, for a program that may link nothing. */
#ifndef PROBE_SHA256_H
#define PROBE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { PROBE_DIGEST_TEXT = 65 };

struct probe_sha256 {
    uint32_t state[8];
    uint64_t length;
    unsigned char block[64];
};

void probe_sha256_start(struct probe_sha256 *hash);
void probe_sha256_add(struct probe_sha256 *hash, const void *data, size_t length);
/* The digest of what was added so far, in lower-case hexadecimal; HASH can go on. */
void probe_sha256_text(const struct probe_sha256 *hash, char text[PROBE_DIGEST_TEXT]);

#endif
