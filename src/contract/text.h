/* text.h - pure questions about one text; used by the contract's rules. */
#ifndef FIRMA_TEXT_H
#define FIRMA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8: RFC 3629, so no overlong form, no surrogate, nothing above U+10FFFF. */
bool firma_text_is_utf8(const char *text);

/* True when TEXT is empty or only white space. */
bool firma_text_is_blank(const char *text);

/* True when UTF-8 TEXT holds a control character: C0, DEL or C1 (U+0080 to U+009F). */
bool firma_text_has_control(const char *text);

/* An HTTP field name: one or more `tchar`, RFC 9110 5.6.2. */
bool firma_text_is_token(const char *text);

/* A hyphenated UUID (any case) of version 7 and the RFC 9562 variant. */
bool firma_text_is_uuid7(const char *text);

/* Absolute and in the one spelling it can have: no "", "." or ".." component, no trailing slash. */
bool firma_text_is_normal_path(const char *text);

/* The port of `PREFIX127.0.0.1:PORT` with a canonical decimal port from 1 to 65535; else 0. */
uint16_t firma_text_loopback_port(const char *text, const char *prefix);

#endif
