#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "runner/vm/cache.h"
#include "runner/vm/images/images.h"

#define FILE_NAME "digests"

enum { ENTRIES = 16, KEY = 160, ENTRY = KEY + FIRMA_SHA256_HEX + 1, SETTLED_S = 2 };

/* All that changes when a file does, or when another one takes its name. */
static bool describe(int fd, char key[KEY], struct stat *info)
{
    if (fstat(fd, info) < 0)
        return false;
    snprintf(key, KEY, "%ju:%ju:%jd:%jd.%09ld:%jd.%09ld ", (uintmax_t)info->st_dev,
             (uintmax_t)info->st_ino, (intmax_t)info->st_size, (intmax_t)info->st_mtim.tv_sec,
             info->st_mtim.tv_nsec, (intmax_t)info->st_ctim.tv_sec, info->st_ctim.tv_nsec);
    return true;
}

static bool read_cache(int cache, char text[ENTRIES * ENTRY + 1])
{
    return firma_vm_cache_read(cache, FILE_NAME, text, ENTRIES * ENTRY + 1);
}

bool firma_vm_known_digest(int cache, int fd, char sha256[FIRMA_SHA256_HEX])
{
    char key[KEY], text[ENTRIES * ENTRY + 1];
    struct stat info;
    if (!describe(fd, key, &info) || !read_cache(cache, text))
        return false;
    for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t length = strlen(key);
        if (strncmp(line, key, length) != 0 ||
            strspn(line + length, "0123456789abcdef") != FIRMA_SHA256_HEX - 1)
            continue;
        snprintf(sha256, FIRMA_SHA256_HEX, "%.64s", line + length);
        return true;
    }
    return false;
}

/* File times move in ticks: two changes in one tick look like one. */
static bool is_settled(const struct stat *info)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return info->st_ctim.tv_sec + SETTLED_S < now.tv_sec;
}

void firma_vm_learn_digest(int cache, int fd, const char *sha256)
{
    char key[KEY], old[ENTRIES * ENTRY + 1] = "", text[ENTRIES * ENTRY + 1];
    struct stat info;
    if (cache < 0 || !describe(fd, key, &info) || !is_settled(&info))
        return;
    (void)read_cache(cache, old);
    int used = snprintf(text, sizeof text, "%s%s\n", key, sha256);
    /* The oldest lines fall off the end, whole. */
    for (char *line = old, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        int length = (int)(end - line) + 1;
        if ((size_t)used + (size_t)length >= sizeof text)
            break;
        memcpy(text + used, line, (size_t)length);
        used += length;
    }
    text[used] = '\0';
    firma_vm_cache_write(cache, FILE_NAME, text);
}
