/* secret.h - a text that only the harness and whoever reads its file can know. */
#ifndef CF_SECRET_H
#define CF_SECRET_H

enum { CF_SECRET_TEXT = 33 };

/* The secret that belongs to NONCE: 32 hexadecimal digits, which can be searched for like a nonce
 * and do not show it. */
void cf_secret(const char *nonce, char out[CF_SECRET_TEXT]);

#endif
