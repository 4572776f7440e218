/* scratch.h - a private folder for a test's files, gone afterwards. */
#ifndef FIRMA_TEST_VM_SCRATCH_H
#define FIRMA_TEST_VM_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

struct scratch {
    char path[64];
    int dir;
};

/* Group fixtures would be skipped after a failure; these run around every test. */
static inline int scratch_open(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);
    assert_non_null(scratch);
    snprintf(scratch->path, sizeof scratch->path, "/tmp/firma-test-XXXXXX");
    if (mkdtemp(scratch->path) == NULL)
        return -1;
    scratch->dir = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = scratch;
    return scratch->dir < 0 ? -1 : 0;
}

static inline int scratch_close(void **state)
{
    struct scratch *scratch = *state;
    DIR *stream = opendir(scratch->path);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;)
        if (entry->d_name[0] != '.')
            (void)!unlinkat(scratch->dir, entry->d_name, 0);
    if (stream != NULL)
        closedir(stream);
    close(scratch->dir);
    int result = rmdir(scratch->path);
    free(scratch);
    return result;
}

static inline void scratch_write(const struct scratch *scratch, const char *name, mode_t mode,
                                 const void *bytes, size_t size)
{
    unlinkat(scratch->dir, name, 0);
    int fd = openat(scratch->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static inline void scratch_text(const struct scratch *scratch, const char *name, const char *text)
{
    scratch_write(scratch, name, 0644, text, strlen(text));
}

#endif
