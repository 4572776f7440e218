/*
 * report.h - what people and other programs read about a run.
 *
 * Everything here is derived from a judged result and the evidence beside it; nothing decides. A
 * row without a known verdict is shown as INCONCLUSIVE, never as passed. Every string is treated
 * as data that a guest may have written: control characters, invalid UTF-8 and characters that
 * could re-order or hide text appear as \xHH or \u{H}; conformance.json alone keeps the strings.
 *
 *     if (cf_report_write(dir, result, &err) != 0)
 *         return err.code;
 *     cf_report_table(stdout, dir, result, isatty(STDOUT_FILENO));
 *     if (verbose)
 *         cf_report_explain(stdout, dir, result, "by.tcp4", &err);
 *
 * The result is a JSON object of the schema "firma-conformance/1"; the run directory holds
 * launches/LAUNCH/launch.json and launches/LAUNCH/LAB/{*.jsonl,*.pcap}. Symbolic links are followed
 * in the directory's own name only, never below it. Errors: CF_E_BUNDLE for a result or directory
 * that cannot be read, CF_E_USAGE for an unknown row, CF_E_SYSTEM for a failed system call.
 */
#ifndef CF_REPORT_H
#define CF_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* Writes conformance.json, junit.xml, events.jsonl (every event log, by time), capture.pcap (every
 * capture, by time; none when nothing was captured) and summary.md into DIR, each complete before
 * it is visible, mode 0644, replacing what stood there. A log line or capture that cannot be read
 * is left out with a note: a last record {"note":"skipped",…} in events.jsonl and a line in
 * summary.md. RESULT is borrowed and not changed. */
int cf_report_write(const char *dir, const json_t *result, struct cf_error *err);

/* The table for a terminal (its width, else 100 columns), grouped by invariant; DIR, when not
 * NULL, is named as the place of the report. COLOUR adds escape sequences. */
void cf_report_table(FILE *out, const char *dir, const json_t *result, bool colour);

/* One row as a reviewer needs it: verdict and why, violations, the command and contract, each leg
 * with its events in milliseconds since its lab's command, and the row's packets. */
int cf_report_explain(FILE *out, const char *dir, const json_t *result, const char *row,
                      struct cf_error *err);

/* Where the time went: a line per lab, in the order of their begin. */
int cf_report_profile(FILE *out, const char *dir, struct cf_error *err);

enum { CF_PROGRESS_INTERVAL_MS = 2000 };

/* Progress of a run: one updating line on a terminal, elsewhere a plain line at most every
 * CF_PROGRESS_INTERVAL_MS, the first one only after as long. */
struct cf_progress {
    FILE *out;             /* borrowed */
    bool terminal;         /* whether lines may be redrawn */
    bool drawn;            /* a line stands on the terminal */
    uint64_t printed;      /* when a plain line was last written, in nanoseconds */
    uint64_t (*now)(void); /* cf_now() */
};

/* Prepares PROGRESS for OUT, which is asked whether it is a terminal. */
void cf_report_progress_begin(struct cf_progress *progress, FILE *out);
/* Shows "STAGE NAME (DONE/TOTAL)…". */
void cf_report_progress(struct cf_progress *progress, const char *stage, const char *name,
                        size_t done, size_t total);
/* Clears the line, if one stands. */
void cf_report_progress_end(struct cf_progress *progress);

#endif
