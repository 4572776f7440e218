/*
 * stage.h - one leg of a launch inside its lab: what every scenario needs.
 *
 * A scenario is a function over a stage. It runs in the lab, drives the subject (or, in the control
 * leg, the bare command) and writes what it did and saw to harness.jsonl. It judges nothing.
 */
#ifndef CF_STAGE_H
#define CF_STAGE_H

#include <stdbool.h>

#include "lab/lab.h"
#include "plan.h"
#include "register/cases.h"
#include "scenarios/bounds.h"
#include "scenarios/process.h"

enum { CF_TEXT_KEPT = 256 * 1024 }; /* bytes of a stream that stand in an event */

struct cf_stage {
    struct cf_lab *lab;
    struct cf_events *events; /* the lab's, borrowed */
    const struct cf_plan_launch *launch;
    enum cf_leg leg;
    enum cf_scale scale;
    unsigned launch_ms, word_ms; /* how long a launch, and an answer in one, is waited for */
    int evidence_fd;             /* borrowed */
    const char *runner;          /* in the lab: /lab/runner/NAME */
    struct cf_sidecar sidecar;
    struct cf_proxy proxy; /* a real one in front of it; pid 0: none */
};

/* A list of strings that grows; released as a whole. */
struct cf_words {
    char **items;
    size_t count;
};
void cf_words_add(struct cf_words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Replaces the item that starts with "NAME=", or adds it. */
void cf_words_set(struct cf_words *words, const char *name, const char *value);
/* Removes the item that starts with "NAME=". */
void cf_words_unset(struct cf_words *words, const char *name);
/* Copies of MORE's items go before item AT. */
void cf_words_insert(struct cf_words *words, size_t at, const struct cf_words *more);
void cf_words_release(struct cf_words *words);

/* Where the launcher, or a bare command, finds its sidecar. */
uint16_t cf_stage_sidecar_port(const struct cf_stage *stage);

/* What starts a subject: argv and environment, ready to be changed by a fault. */
struct cf_start {
    struct cf_words argv, env;
    enum cf_end ends[3];
    bool no_capabilities, second_user, may_chown; /* as in cf_command */
};
void cf_start_release(struct cf_start *start);

/* `firma-run … -- COMMAND…` with the suite's standard options; COMMAND is NULL-terminated. */
void cf_start_launcher(struct cf_start *start, const struct cf_stage *stage,
                       const char *const *options, const char *const *command);
/* The bare command: the launcher's user without capabilities, the proxy variables pointing straight
 * at the sidecar, the rest of the environment as in a contract. */
void cf_start_bare(struct cf_start *start, const struct cf_stage *stage,
                   const char *const *command);
/* Either of the two, by the stage's leg. */
void cf_start_leg(struct cf_start *start, const struct cf_stage *stage, const char *const *options,
                  const char *const *command);

/* Starts it and records the `command` event. EXTRA_FD becomes fd 3, or -1. */
int cf_stage_start(struct cf_stage *stage, struct cf_process *process, const struct cf_start *start,
                   int extra_fd, struct cf_error *err);
/* Records how PROCESS ended under the name EVENT with FIELDS (stolen) added: exit, streams,
 * survivors, what is left in the run directory. Then clears the subject. */
void cf_stage_ended(struct cf_stage *stage, struct cf_process *process, const char *event,
                    json_t *fields);
/* Waits until nothing of the subject is alive, at most MS; records `gone` {within_ms} or {never}.
 */
void cf_stage_await_gone(struct cf_stage *stage, unsigned ms);
/* Records the launch contract that stands in the run directory, as event `contract`; returns a copy
 * of the parsed JSON, or NULL. */
json_t *cf_stage_contract(struct cf_stage *stage);

/* The probe command of this launch: NULL-terminated, static storage of the stage's launch. */
void cf_stage_probe(const struct cf_stage *stage, const char *command[8]);

/* Writes /lab/plan/plan.txt for this leg. */
int cf_stage_write_plan(struct cf_stage *stage, struct cf_error *err);

/* Writes /lab/artifacts/filter.bpf: mkdir(2) and mkdirat(2) fail with EPERM. */
int cf_stage_write_filter(struct cf_error *err);

/* machine_linux.c: lets a machine's runner keep its log; takes the times of one that has ended out
 * of it ("boot 2100 ms, ..."), NULL where there is none. */
int cf_stage_keep_machine_logs(struct cf_error *err);
json_t *cf_stage_machine_times(void);

/* The scenarios. Each returns 0 when it could do its work, whatever it saw. */
int cf_scenario_probe(struct cf_stage *stage, struct cf_error *err);
int cf_scenario_outage(struct cf_stage *stage, struct cf_error *err);
int cf_scenario_refuse(struct cf_stage *stage, struct cf_error *err);
int cf_scenario_cases(struct cf_stage *stage, struct cf_error *err);
int cf_scenario_recorder(struct cf_stage *stage, struct cf_error *err);
int cf_scenario_neighbour(struct cf_stage *stage, struct cf_error *err);
int cf_scenario_inbound(struct cf_stage *stage, struct cf_error *err);

/* The lab body for a stage: opens (plan, sidecar, heartbeat), runs the scenario, settles, closes.
 */
int cf_stage_run(struct cf_stage *stage, struct cf_error *err);

#endif
