/*
 * bait.h - things of the host's that a guest should neither read nor change.
 *
 * Each row that aims at one finds it in place: a file with a secret that follows from the row's
 * nonce, an empty file, a message queue, a segment of shared memory. Afterwards the harness looks
 * what became of them and says so in `file` records; what was read shows in the guest's output.
 */
#ifndef CF_BAIT_H
#define CF_BAIT_H

#include "scenarios/stage.h"

/* Puts the baits of the stage's rows in place. */
int cf_bait_plant(struct cf_stage *stage, struct cf_error *err);
/* Emits a `file` record {path, data} for each bait a guest could have written to. */
void cf_bait_record(struct cf_stage *stage);

#endif
