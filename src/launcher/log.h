/* log.h - the launcher's own diary, `--log-file`. Never secrets, never argument values. */
#ifndef FIRMA_LOG_H
#define FIRMA_LOG_H

#include "firma_run.h"

struct firma_log {
    int fd; /* CLOEXEC; -1: no log */
};

/* Opens PATH for appending, creating it 0600; a symbolic link or anything but a regular file is
 * refused. PATH NULL: a log that drops everything. FIRMA_E_CONFIG. */
int firma_log_open(struct firma_log *out, const char *path, struct firma_error *err);

/* One line: UTC time, then the text, control characters replaced. A full disk is not an error. */
void firma_log(const struct firma_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void firma_log_close(struct firma_log *log);

#endif
