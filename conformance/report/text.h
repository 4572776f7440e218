/*
 * text.h - strings of unknown origin, made harmless for a terminal, XML and Markdown.
 *
 * A short list of characters stands for itself: printable ASCII and a few ranges of letters,
 * punctuation and arrows, each one column wide. Everything else becomes \xHH (a control character
 * or a byte that is not UTF-8) or \u{H}. A backslash is not doubled: evidence is escaped already,
 * and these forms are for reading; the exact string is in conformance.json and the logs.
 */
#ifndef CF_REPORT_TEXT_H
#define CF_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cf_text_form {
    CF_TEXT_PLAIN,
    CF_TEXT_XML,     /* content or a quoted attribute's value */
    CF_TEXT_MARKDOWN /* inline text, also in a table cell; not the first thing on a line */
};

/* The length of the UTF-8 sequence at AT (NUL-terminated) and its code point, or 0 when malformed:
 * overlong, a surrogate, beyond U+10FFFF, cut short. */
size_t cf_text_utf8(const char *at, uint32_t *point);

/* Writes all of TEXT to OUT. */
void cf_text_put(FILE *out, enum cf_text_form form, const char *text);

/* How many columns the plain form of TEXT takes. */
size_t cf_text_columns(const char *text);

/* Writes the plain form in at most COLUMNS columns, an ellipsis at its end when it was cut; PAD
 * fills up with spaces. */
void cf_text_fit(FILE *out, const char *text, size_t columns, bool pad);

#endif
