/* verbs.h - what `firma-conform` can do; one file per verb. Each returns the exit status. */
#ifndef CF_VERBS_H
#define CF_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The options of all verbs; a verb refuses those it has no use for. */
struct cf_options {
    const char *runner, *kind, *scale, *launcher, *out, *bin, *launch;
    const char **rows;
    size_t row_count;
    unsigned jobs;
    bool verbose, json, ctest, profile;
    const char *argument; /* what is left over: a directory */
    char *const *arguments;
    size_t argument_count; /* all of them, for a verb that takes several */
};

int cf_verb_list(const struct cf_options *options, struct cf_error *err);
/* The register against catalogue and defects; the arguments are tables of broken subjects. */
int cf_verb_trace(const struct cf_options *options, struct cf_error *err);
int cf_verb_run(const struct cf_options *options, struct cf_error *err);
int cf_verb_observe(const struct cf_options *options, struct cf_error *err);
int cf_verb_judge(const struct cf_options *options, struct cf_error *err);
int cf_verb_verify(const struct cf_options *options, struct cf_error *err);
int cf_verb_report(const struct cf_options *options, struct cf_error *err);

struct cf_row;
/* Why this machine cannot show ROW, in words for the report; NULL when it can. */
const char *cf_platform_excuse(const struct cf_row *row);
/* Why ROW cannot be shown of a guest of KIND (cf_target's), or on this machine; NULL when it can.
 * *TRIED: it is tried all the same, and may fail. */
const char *cf_excuse(const struct cf_row *row, const char *kind, bool *tried);

/* What to judge when no option says so: FIRMA_RUN_VZ_GUEST_RUNNER, else the namespace runner. */
const char *cf_default_runner(void);

#endif
