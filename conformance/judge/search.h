/*
 * search.h - whether bytes carry a nonce, in any of the spellings a leak might use: raw,
 * hexadecimal, base32 and base64 (of the bytes and of the text, at every alignment), reversed,
 * case-folded.
 */
#ifndef CF_SEARCH_H
#define CF_SEARCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct cf_needle;

/* NONCE is 32 hexadecimal digits. NULL when it is not, or memory is short. */
struct cf_needle *cf_needle_new(const char *nonce);
void cf_needle_free(struct cf_needle *needle);

bool cf_needle_in(const struct cf_needle *needle, const void *data, size_t length);
/* Looks into every string of VALUE, at any depth, unescaped (escape.h). */
bool cf_needle_in_json(const struct cf_needle *needle, const json_t *value);

#endif
