#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/vm/images/images.h"

enum { STEP = 256 * 1024 };

static int write_all(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        size -= (size_t)put;
    }
    return 0;
}

/* Bytes fed, or -1 with errno. */
static int64_t feed(EVP_MD_CTX *context, int fd, int copy, unsigned char *buffer)
{
    int64_t total = 0;
    for (;;) {
        ssize_t got = pread(fd, buffer, STEP, total);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -1 : total;
        if (EVP_DigestUpdate(context, buffer, (size_t)got) != 1 ||
            (copy >= 0 && write_all(copy, buffer, (size_t)got) < 0))
            return -1;
        total += got;
    }
}

int firma_vm_digest(int fd, int copy, char sha256[FIRMA_SHA256_HEX], uint64_t *bytes,
                    const char *name, struct firma_error *err)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    int64_t total = -1;
    FIRMA_AUTOFREE unsigned char *buffer = malloc(STEP);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (buffer != NULL && context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1) {
        errno = ENOMEM;
        total = feed(context, fd, copy, buffer);
        if (total >= 0 && EVP_DigestFinal_ex(context, raw, NULL) != 1)
            total = -1;
    }
    int saved = errno;
    EVP_MD_CTX_free(context);
    if (total < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, saved, "%s", name);
    for (size_t i = 0; i < (FIRMA_SHA256_HEX - 1) / 2; i++)
        snprintf(sha256 + 2 * i, 3, "%02x", raw[i]);
    *bytes = (uint64_t)total;
    return 0;
}
