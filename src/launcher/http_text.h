/* http_text.h - slices of a buffer, and the character classes of RFC 9110 section 5.6. */
#ifndef FIRMA_HTTP_TEXT_H
#define FIRMA_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes; never NUL-terminated. */
struct http_text {
    const char *at;
    size_t length;
};

/* tchar: what a method, a field name and an option are made of. */
bool firma_http_is_tchar(unsigned char c);
/* What a field value, a reason phrase or a chunk extension may hold: HTAB, SP, visible, obs-text.
 */
bool firma_http_is_value(unsigned char c);
/* One or more tchar. */
bool firma_http_is_token(struct http_text text);
/* Equal to LITERAL, exactly or in any ASCII case. */
bool firma_http_is(struct http_text text, const char *literal);
bool firma_http_is_nocase(struct http_text text, const char *literal);
bool firma_http_same_nocase(struct http_text a, struct http_text b);
/* Without the spaces and tabs around it. */
struct http_text firma_http_trim(struct http_text text);
/* Takes the next element off a comma-separated LIST, trimmed; empty elements are skipped. */
bool firma_http_next_element(struct http_text *list, struct http_text *element);
/* 1 to MAX_DIGITS digits of BASE (10 or 16) and nothing else: no sign, no space, no prefix. */
bool firma_http_number(struct http_text text, unsigned base, size_t max_digits, uint64_t *value);

#endif
