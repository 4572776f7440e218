/* observe.h - plays planned launches in their labs and leaves a bundle; judges nothing. */
#ifndef CF_OBSERVE_H
#define CF_OBSERVE_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"

/* What is judged, as paths on the machine. */
struct cf_target {
    const char *kind; /* "namespace", "null" or "path" */
    char *runner, *launcher;
    char *bin; /* the folder of the suite's own programs */
    char runner_sha256[65], launcher_sha256[65];
};

/* RUNNER: "namespace", "null" or a path; LAUNCHER: a path or NULL (firma-run beside the suite).
 * -CF_E_USAGE names what is wrong with a path and what to do. cf_target_release() frees. */
int cf_target_find(struct cf_target *target, const char *runner, const char *launcher,
                   const char *bin, struct cf_error *err);
void cf_target_release(struct cf_target *target);

/* Where and for whom to observe. */
struct cf_run {
    const char *directory; /* machine path of the run; launches/NAME is made below it */
    const char *id;
    const char *invocation; /* evidence is judged only by the invocation that made it */
    char register_sha256[65];
};

/* Starts the two labs of LAUNCH in the background; cf_observe_finish() waits for them and writes
 * launch.json. An earlier launches/NAME is removed first. */
struct cf_observation {
    const struct cf_plan_launch *launch;
    pid_t labs[CF_LEG_COUNT];
    uint64_t started;
};
int cf_observe_start(struct cf_observation *observation, const struct cf_run *run,
                     const struct cf_target *target, const struct cf_plan_launch *launch,
                     struct cf_error *err);
int cf_observe_finish(struct cf_observation *observation, const struct cf_run *run,
                      const struct cf_target *target, struct cf_error *err);

/* Observes every launch of PLAN, at most JOBS launches at once. */
int cf_observe_all(const struct cf_run *run, const struct cf_target *target,
                   const struct cf_plan *plan, unsigned jobs,
                   void (*progress)(void *context, const char *name, size_t done, size_t all),
                   void *context, struct cf_error *err);

#endif
