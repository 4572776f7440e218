#include "launcher/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int firma_log_open(struct firma_log *out, const char *path, struct firma_error *err)
{
    struct stat info;
    if (path == NULL) {
        *out = (struct firma_log){.fd = -1};
        return 0;
    }
    int fd = open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_CONFIG, errno, "--log-file %.512s", path);
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return firma_fail(err, FIRMA_E_CONFIG, 0, "--log-file %.512s: is not a regular file", path);
    }
    *out = (struct firma_log){.fd = fd};
    return 0;
}

static size_t put_time(char *line, size_t size)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t used = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
    return used + (size_t)snprintf(line + used, size - used, ".%03ldZ ", now.tv_nsec / 1000000);
}

void firma_log(const struct firma_log *log, const char *format, ...)
{
    if (log->fd < 0)
        return;
    char line[2048];
    size_t used = put_time(line, sizeof line);
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    for (char *at = line + used; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    }
    used += strlen(line + used);
    line[used++] = '\n';
    ssize_t ignored = write(log->fd, line, used);
    (void)ignored;
}

void firma_log_request(struct firma_log *log, const char *line)
{
    if (log->requests == FIRMA_LOG_REQUESTS)
        return;
    firma_log(log, "bridge: %s", line);
    if (++log->requests == FIRMA_LOG_REQUESTS)
        firma_log(log, "bridge: these were %u requests; later ones are not logged", log->requests);
}

void firma_log_close(struct firma_log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}
