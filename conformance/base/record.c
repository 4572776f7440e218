#include "base/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int cf_record_write(const char *directory, const char *name, const json_t *value,
                    struct cf_error *err)
{
    char path[PATH_MAX + 64], part[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    snprintf(part, sizeof part, "%s/.%s.part", directory, name);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || json_dumpfd(value, fd, JSON_INDENT(1)) != 0 || close(fd) != 0 ||
        rename(part, path) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", path);
    return 0;
}
