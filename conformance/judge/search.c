#include "judge/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/nonce.h"

enum { PATTERN_MAX = 64, PATTERNS = 32, CHUNK = 8192 };

struct pattern {
    unsigned char bytes[PATTERN_MAX];
    size_t length;
    bool fold; /* letters match in either case; the bytes are folded */
};

struct cf_needle {
    struct pattern patterns[PATTERNS];
    size_t count, shortest;
};

static unsigned char fold_byte(unsigned char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte - 'A' + 'a') : byte;
}

static void add(struct cf_needle *needle, const void *bytes, size_t length, bool fold)
{
    struct pattern *pattern = &needle->patterns[needle->count++];
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = ((const unsigned char *)bytes)[i];
        pattern->bytes[i] = fold ? fold_byte(byte) : byte;
    }
    pattern->length = length;
    pattern->fold = fold;
    if (length < needle->shortest || needle->shortest == 0)
        needle->shortest = length;
}

static void add_reversed(struct cf_needle *needle, const unsigned char *bytes, size_t length,
                         bool fold)
{
    unsigned char reversed[PATTERN_MAX];
    for (size_t i = 0; i < length; i++)
        reversed[i] = bytes[length - 1 - i];
    add(needle, reversed, length, fold);
}

/* Encodes BITS bits per symbol, most significant first; whole symbols only. */
static size_t encode(const unsigned char *bytes, size_t length, int bits, const char *alphabet,
                     char *out)
{
    unsigned buffer = 0;
    int held = 0;
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        buffer = buffer << 8 | bytes[i];
        for (held += 8; held >= bits; held -= bits)
            out[used++] = alphabet[buffer >> (held - bits) & ((1u << bits) - 1)];
    }
    return used;
}

/* The nonce may stand at any offset of the encoded data: SHIFT unknown bytes come before it, and
 * only the symbols that depend on nothing but the nonce are looked for. */
static void add_encoded(struct cf_needle *needle, const unsigned char *bytes, size_t length,
                        int bits, int block, const char *alphabet)
{
    for (int shift = 0; shift < block; shift++) {
        unsigned char padded[PATTERN_MAX] = {0};
        char symbols[2 * PATTERN_MAX];
        memcpy(padded + shift, bytes, length);
        size_t count = encode(padded, length + (size_t)shift, bits, alphabet, symbols);
        size_t skip = (size_t)(shift * 8 + bits - 1) / (size_t)bits;
        size_t keep = count - skip;
        if (keep > 40)
            keep = 40;
        add(needle, symbols + skip, keep, bits == 5);
    }
}

struct cf_needle *cf_needle_new(const char *nonce)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char base64url[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned char raw[CF_NONCE_BYTES];
    const unsigned char *text = (const unsigned char *)nonce;
    struct cf_needle *needle = calloc(1, sizeof *needle);
    if (needle == NULL || cf_nonce_bytes(nonce, raw) != 0) {
        free(needle);
        return NULL;
    }
    add(needle, raw, sizeof raw, false);
    add_reversed(needle, raw, sizeof raw, false);
    add(needle, text, 32, true);
    add_reversed(needle, text, 32, true);
    add_encoded(needle, raw, sizeof raw, 6, 3, base64);
    add_encoded(needle, raw, sizeof raw, 6, 3, base64url);
    add_encoded(needle, text, 32, 6, 3, base64);
    add_encoded(needle, raw, sizeof raw, 5, 5, base32);
    add_encoded(needle, text, 32, 5, 5, base32);
    return needle;
}

void cf_needle_free(struct cf_needle *needle)
{
    free(needle);
}

static bool any_pattern_in(const struct cf_needle *needle, bool fold, const unsigned char *data,
                           size_t length)
{
    for (size_t i = 0; i < needle->count; i++)
        if (needle->patterns[i].fold == fold &&
            memmem(data, length, needle->patterns[i].bytes, needle->patterns[i].length) != NULL)
            return true;
    return false;
}

/* Folds the data piece by piece; pieces overlap by what a pattern might straddle. */
static bool any_folded_in(const struct cf_needle *needle, const unsigned char *data, size_t length)
{
    unsigned char folded[CHUNK];
    for (size_t start = 0;; start += CHUNK - PATTERN_MAX) {
        size_t piece = length - start < CHUNK ? length - start : CHUNK;
        for (size_t i = 0; i < piece; i++)
            folded[i] = fold_byte(data[start + i]);
        if (any_pattern_in(needle, true, folded, piece))
            return true;
        if (start + piece == length)
            return false;
    }
}

bool cf_needle_in(const struct cf_needle *needle, const void *data, size_t length)
{
    return length >= needle->shortest &&
           (any_pattern_in(needle, false, data, length) || any_folded_in(needle, data, length));
}

/* Most strings are too short to hold anything, escaped or not. */
static bool in_text(const struct cf_needle *needle, const char *text)
{
    size_t length = strlen(text);
    if (length < needle->shortest)
        return false;
    unsigned char *bytes = cf_unescape(text, &length);
    bool found = bytes != NULL ? cf_needle_in(needle, bytes, length)
                               : cf_needle_in(needle, text, strlen(text));
    free(bytes);
    return found;
}

bool cf_needle_in_json(const struct cf_needle *needle, const json_t *value)
{
    if (json_is_string(value))
        return in_text(needle, json_string_value(value));
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            if (cf_needle_in_json(needle, json_array_get(value, i)))
                return true;
    }
    if (json_is_object(value)) {
        const char *key;
        json_t *member;
        json_object_foreach ((json_t *)value, key, member) {
            if (in_text(needle, key) || cf_needle_in_json(needle, member))
                return true;
        }
    }
    return false;
}
