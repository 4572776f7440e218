/* recorded_linux.h - a run that was really observed, once for all tests of a program. */
#ifndef CF_RECORDED_H
#define CF_RECORDED_H

#include "bundle.h"

/* Runs firma-conform (from FIRMA_BIN) on RUNNER for ROWS, a NULL-terminated list, into a new
 * directory BELOW, and gives the run's directory in BUNDLE. Fails the test unless the exit status
 * is STATUS. bundle_remove(BELOW) removes it all. */
void recorded_run(struct bundle *below, struct bundle *bundle, const char *runner,
                  const char *const *rows, int status);

#endif
