/* nonce.h - 128 random bits that name one leg of one row, wherever they turn up. */
#ifndef CF_NONCE_H
#define CF_NONCE_H

#include "base/error.h"

enum { CF_NONCE_BYTES = 16, CF_NONCE_TEXT = 33 };

/* Writes 32 lower-case hexadecimal digits and a NUL, from getentropy(3). */
int cf_nonce(char text[CF_NONCE_TEXT], struct cf_error *err);
/* The 16 bytes that TEXT spells; -CF_E_BUNDLE when it is not a nonce (or NULL). */
int cf_nonce_bytes(const char *text, unsigned char bytes[CF_NONCE_BYTES]);

#endif
