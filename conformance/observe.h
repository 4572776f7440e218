/* observe.h - plays planned launches in their labs and leaves a bundle; judges nothing. */
#ifndef CF_OBSERVE_H
#define CF_OBSERVE_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"
#include "register/cases.h"

enum { CF_IMAGES = 3 };

/* What is judged, as paths on the machine. */
struct cf_target {
    const char *kind; /* "namespace", "null", "machine" or "path" */
    enum cf_scale scale;
    unsigned launch_ms, word_ms; /* bounds of its launches, bounds.h */
    char *runner, *launcher;
    char *images[CF_IMAGES]; /* kernel, initrd, rootfs: all of them, or none */
    char *bin;               /* the folder of the suite's own programs */
    char runner_sha256[65], launcher_sha256[65];
};

/* What the operator asks to be judged; everything but RUNNER and BIN may be NULL. */
struct cf_wanted {
    const char *runner;   /* "namespace", "null", "vm" or a path */
    const char *kind;     /* of a runner given by its path: "machine", if its guest has a kernel */
    const char *launcher; /* NULL: firma-run beside the suite */
    const char *scale;    /* "full" or "small"; NULL: small for a machine, else full */
    const char *bin;
};

/* The images are those that the environment names (FIRMA_RUN_VZ_GUEST_KERNEL and its kin).
 * -CF_E_USAGE names what is wrong with a path and what to do. cf_target_release() frees. */
int cf_target_find(struct cf_target *target, const struct cf_wanted *wanted, struct cf_error *err);
/* How the record of a run names it: a new JSON object. */
json_t *cf_target_json(const struct cf_target *target);
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
    pid_t labs[CF_LEG_COUNT];   /* 0: reaped, -1: never started */
    int statuses[CF_LEG_COUNT]; /* of those reaped, as waitpid(2) says */
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
