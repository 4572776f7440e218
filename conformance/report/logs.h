/* logs.h - the event logs of a run, read tolerantly and put in order of time. */
#ifndef CF_REPORT_LOGS_H
#define CF_REPORT_LOGS_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

struct cf_log_line {
    json_int_t t;   /* CLOCK_MONOTONIC, nanoseconds */
    size_t order;   /* as read: decides between equal times */
    json_t *record; /* with "launch", "lab" and "file" added; owned by the logs */
};

struct cf_logs {
    struct cf_log_line *lines;
    size_t count;
};

enum { CF_LOG_LINE_MAX = 1 << 20 };

/* Reads every event log of LAUNCH (NULL: of all launches) and sorts the records by time. What
 * cannot be read becomes a note {"note":"skipped","file","line","why"} appended to NOTES. Free
 * OUT with cf_logs_free(). */
int cf_logs_read(int dir, const char *launch, json_t *notes, struct cf_logs *out,
                 struct cf_error *err);
void cf_logs_free(struct cf_logs *logs);

/* Appends a note; LINE 0: about the file as a whole. */
void cf_logs_note(json_t *notes, const char *file, size_t line, const char *why);

#endif
