/*
 * points.h - tries a program once for every point of it: a place that calls the system, and which
 * of its calls fails there (sites.h).
 */
#ifndef TORTURE_POINTS_H
#define TORTURE_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { TORTURE_TEXT = 8192 };

/* What one run of the program came to. */
struct torture_outcome {
    int status; /* as waitpid(2) gives it */
    bool endless;
    char out[TORTURE_TEXT];
    char err[TORTURE_TEXT];
};

/* Reads both to their end and waits for PID, for 20 seconds; kills it then, which is judged badly.
 */
void torture_collect(pid_t pid, int out, int err, struct torture_outcome *outcome);

struct torture_subject {
    const char *name; /* the program's */
    unsigned turns;   /* at most so many calls from one place are failed, one a run */
    void *context;
    void (*run)(void *context, struct torture_outcome *outcome);
    /* After a run in which one call failed: NULL, or what may not be. */
    const char *(*judge)(void *context, const struct torture_outcome *outcome);
};

/* The path of the table, for the variable FIRMA_TORTURE; static. */
const char *torture_path(void);
/* Runs SUBJECT without a fault, then once for every point, and fails the test after the last if any
 * was judged badly, with a list of them. Prints how many there were. */
void torture(const struct torture_subject *subject);

/* The judgement that all have in common: the outcome is STATUS, or 125 with one line of
 * firma's own. */
const char *torture_judge(const struct torture_subject *subject, int status,
                          const struct torture_outcome *outcome);

#endif
