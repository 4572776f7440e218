/* run.h - follows a plan from its first statement to its last. */
#ifndef PROBE_RUN_H
#define PROBE_RUN_H

#include "plan.h"

enum { PROBE_EXIT_INPUT = 66, PROBE_EXIT_OUTPUT = 74 };

/* Runs PLAN and returns the exit status: 0 whatever the attempts came to; PROBE_EXIT_INPUT when
 * standard input ended while the plan waited; PROBE_EXIT_OUTPUT when nobody reads the receipts. */
int probe_run(const struct probe_plan *plan, const struct probe_self *self);

#endif
