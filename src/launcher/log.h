/* log.h - the launcher's own diary, `--log-file`. Never secrets, never argument values. */
#ifndef FIRMA_LOG_H
#define FIRMA_LOG_H

#include "firma_run.h"

/* A guest asks as often as it likes; what is written down of it has an end. */
enum { FIRMA_LOG_REQUESTS = 100000 };

struct firma_log {
    int fd;            /* CLOEXEC; -1: no log */
    unsigned requests; /* logged so far */
};

/* Opens PATH for appending, creating it 0600; a symbolic link or anything but a regular file is
 * refused. PATH NULL: a log that drops everything. FIRMA_E_CONFIG. */
int firma_log_open(struct firma_log *out, const char *path, struct firma_error *err);

/* One line: UTC time, then the text, control characters replaced. A full disk is not an error. */
void firma_log(const struct firma_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for a request of the guest's, up to FIRMA_LOG_REQUESTS of them. */
void firma_log_request(struct firma_log *log, const char *line);

void firma_log_close(struct firma_log *log);

#endif
