/* digest.h - SHA-256 of files, as 64 lower-case hexadecimal digits. */
#ifndef CF_DIGEST_H
#define CF_DIGEST_H

#include <stddef.h>

#include "base/error.h"

/* The digest of DIRFD/PATH (a regular file; symbolic links are refused) and its size in bytes. */
int cf_digest_file(int dirfd, const char *path, char text[65], size_t *size, struct cf_error *err);
int cf_digest_bytes(const void *data, size_t length, char text[65]);

#endif
