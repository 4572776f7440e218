#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder.h"

enum { HIGHEST = 65536 };

static const char *type_name(mode_t mode)
{
    if (S_ISREG(mode))
        return "file";
    if (S_ISDIR(mode))
        return "directory";
    if (S_ISCHR(mode))
        return "character device";
    if (S_ISBLK(mode))
        return "block device";
    if (S_ISFIFO(mode))
        return "pipe";
    return S_ISSOCK(mode) ? "socket" : "other";
}

/* Where /proc says the descriptor leads; null on a system without it. */
static json_t *target(int fd)
{
    char name[64];
    char path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path);
    return length < 0 ? json_null() : fake_text(path, (size_t)length);
}

static json_t *describe(int fd, int flags)
{
    struct stat info;
    json_t *entry = json_object();
    json_object_set_new(entry, "fd", json_integer(fd));
    json_object_set_new(entry, "type",
                        json_string(fstat(fd, &info) == 0 ? type_name(info.st_mode) : "other"));
    json_object_set_new(entry, "target", target(fd));
    json_object_set_new(entry, "cloexec", json_boolean((flags & FD_CLOEXEC) != 0));
    return entry;
}

/* Probes the numbers themselves, which opens nothing that would have to be left out again. */
json_t *fake_descriptors(void)
{
    json_t *list = json_array();
    long limit = sysconf(_SC_OPEN_MAX);
    if (limit < 0 || limit > HIGHEST)
        limit = HIGHEST;
    for (int fd = 0; fd < limit; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0)
            json_array_append_new(list, describe(fd, flags));
    }
    return list;
}
