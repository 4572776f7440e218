/* campaign.h - many points, played by several cells. */
#ifndef FAULTS_CAMPAIGN_H
#define FAULTS_CAMPAIGN_H

#include "faults.h"

struct campaign {
    struct fault_programs programs;
    json_t *kinds, *points; /* NULL: all */
    bool full, verbose, json, list;
    unsigned jobs;
    const char *out; /* NULL: no report is written */
};

/* Appends WORD to *LIST. */
bool campaign_select(json_t **list, const char *word);

/* Plans, plays, reports. 0: every invariant held; 1: one did not; 2: nothing was selected or a
 * point does not exist; 3: it could not be tried. */
int campaign_run(const struct campaign *campaign);

/* ---- plan.c ---- */

/* Those of ALL that CAMPAIGN tries: a new array. Without --full of each group as many as its kind
 * has room for, evenly; points at vital calls all of them. */
json_t *campaign_sample(const struct campaign *campaign, const json_t *all);
/* "call" of "call/plain/…" */
void campaign_kind(const char *id, char out[32]);

/* ---- report.c ---- */

/* Prints and writes; the exit status. SECONDS: how long it took. */
int campaign_report(const struct campaign *campaign, const json_t *all, const json_t *results,
                    unsigned seconds);

#endif
