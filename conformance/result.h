/* result.h - from judged rows to a run's result: counts, problems, exit status. */
#ifndef CF_RESULT_H
#define CF_RESULT_H

#include <jansson.h>

#include "base/error.h"
#include "judge/evidence.h"

enum {
    CF_EXIT_PASS = 0,
    CF_EXIT_FAIL = 1,
    CF_EXIT_INCONCLUSIVE = 2,
    CF_EXIT_HARNESS = 3,
    CF_EXIT_SKIPPED = 77 /* `judge` alone: the row is NOT_APPLICABLE */
};

/* Judges every row that RECORD (run.json) says was planned, from the bundles below DIR, and gives
 * the result (schema firma-conformance/1): a row without a verdict counts as INCONCLUSIVE; its
 * `observers` tell of each launch's labs "well", or what first was wrong with who listened there.
 * New reference; NULL with ERR filled when RECORD is not a run record. */
json_t *cf_result_judge(const char *dir, const json_t *record, struct cf_error *err);

/* The exit status that a result's rows, counts and problems call for. */
int cf_result_exit(const json_t *result);

#endif
