#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void spell(const unsigned char *digest, char text[65])
{
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

int cf_digest_bytes(const void *data, size_t length, char text[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(data, length, digest, NULL, EVP_sha256(), NULL) != 1)
        return -CF_E_SYSTEM;
    spell(digest, text);
    return 0;
}

static ssize_t hash_all(int fd, EVP_MD_CTX *hash)
{
    char buffer[65536];
    ssize_t total = 0, got;
    while ((got = read(fd, buffer, sizeof buffer)) > 0) {
        EVP_DigestUpdate(hash, buffer, (size_t)got);
        total += got;
    }
    return got < 0 ? -1 : total;
}

int cf_digest_file(int dirfd, const char *path, char text[65], size_t *size, struct cf_error *err)
{
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", path);
    struct stat status;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    ssize_t total = -1;
    errno = EINVAL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && hash != NULL &&
        EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1)
        total = hash_all(fd, hash);
    int saved = errno;
    close(fd);
    if (total >= 0) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        EVP_DigestFinal_ex(hash, digest, NULL);
        spell(digest, text);
        if (size != NULL)
            *size = (size_t)total;
    }
    EVP_MD_CTX_free(hash);
    return total >= 0 ? 0 : cf_fail(err, CF_E_SYSTEM, saved, "%s: not a readable file", path);
}
