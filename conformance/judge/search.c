#include "judge/search.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/nonce.h"

enum { PATTERN_MAX = 64, PATTERNS = 32 };

struct pattern {
    unsigned char bytes[PATTERN_MAX];
    size_t length;
    bool fold; /* letters match in either case */
};

struct cf_needle {
    struct pattern patterns[PATTERNS];
    size_t count;
};

static void add(struct cf_needle *needle, const void *bytes, size_t length, bool fold)
{
    struct pattern *pattern = &needle->patterns[needle->count++];
    memcpy(pattern->bytes, bytes, length);
    pattern->length = length;
    pattern->fold = fold;
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

static bool equal_folded(const unsigned char *a, const unsigned char *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (tolower(a[i]) != tolower(b[i]))
            return false;
    return true;
}

static bool pattern_in(const struct pattern *pattern, const unsigned char *data, size_t length)
{
    if (!pattern->fold)
        return memmem(data, length, pattern->bytes, pattern->length) != NULL;
    for (size_t at = 0; at + pattern->length <= length; at++)
        if (equal_folded(data + at, pattern->bytes, pattern->length))
            return true;
    return false;
}

bool cf_needle_in(const struct cf_needle *needle, const void *data, size_t length)
{
    for (size_t i = 0; i < needle->count; i++)
        if (pattern_in(&needle->patterns[i], data, length))
            return true;
    return false;
}

static bool in_text(const struct cf_needle *needle, const char *text)
{
    size_t length = 0;
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
