/*
 * needle.h - a nonce, looked for in bytes and in log lines.
 *
 * Found as hexadecimal text in any case, forwards or backwards, and as its 16 raw bytes (in a log
 * line: as escape.h writes those). Good enough to gather what belongs to a row; the judge, who
 * knows more encodings, decides.
 */
#ifndef CF_REPORT_NEEDLE_H
#define CF_REPORT_NEEDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/nonce.h"

struct cf_needle {
    bool set;
    char text[CF_NONCE_TEXT];
    char backwards[CF_NONCE_TEXT];
    unsigned char raw[CF_NONCE_BYTES];
    char escaped[2 * (4 * CF_NONCE_BYTES) + 1]; /* raw, escaped, as a JSON string shows it */
};

/* Prepares NEEDLE for NONCE; what is no nonce makes a needle that is never found. */
void cf_needle_init(struct cf_needle *needle, const char *nonce);
bool cf_needle_in_bytes(const struct cf_needle *needle, const void *bytes, size_t length);
/* LINE: a record as JSON text. */
bool cf_needle_in_line(const struct cf_needle *needle, const char *line);

/* Whether WORD stands in LINE with no letter, digit, '.', '-' or '_' on either side. */
bool cf_needle_word(const char *line, const char *word);

#endif
