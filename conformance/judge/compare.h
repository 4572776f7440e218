/*
 * compare.h - compare rows: what a run did, against the same run bare or against a rule.
 *
 * A check looks at both legs. It adds the `control` leg (the bare run did what it had to, or, where
 * a rule is checked, broke the rule: then the check can see a breach), the `attempt` leg, and a
 * violation for every mismatch of the confined run.
 */
#ifndef CF_COMPARE_H
#define CF_COMPARE_H

#include "judge/judge.h"
#include "register/cases.h"

/* The check named by the second word of the row's attempt runs, else the one named by its first;
 * a case of which no check knows must be the same bare and confined. A list ends with a NULL name.
 */
struct cf_check {
    const char *name;
    void (*run)(struct cf_finding *finding);
};
extern const struct cf_check cf_stream_checks[];   /* compare_streams.c */
extern const struct cf_check cf_envelope_checks[]; /* compare_envelope.c */
extern const struct cf_check cf_mediated_checks[]; /* compare_mediated.c */
extern const struct cf_check cf_program_checks[];  /* compare_programs.c */
extern const struct cf_check cf_inbound_checks[];  /* compare_inbound.c */
extern const struct cf_check cf_contract_checks[]; /* compare_contract.c */
extern const struct cf_check cf_end_checks[];      /* compare_ends.c */
extern const struct cf_check cf_trap_checks[];     /* compare_traps.c */

/* The harness's record of run INDEX of the row's case, or NULL. Borrowed. */
json_t *cf_compare_run(const struct cf_finding *finding, enum cf_leg leg, int index);
/* Its stdout parsed as JSON. New reference, NULL when it is not JSON. */
json_t *cf_compare_output(const struct cf_finding *finding, enum cf_leg leg, int index);
/* The third word of the row's attempt, "" without one. */
const char *cf_compare_word(const struct cf_finding *finding);
/* The CONNECT that opened the tunnel in which SEEN was seen; SEEN itself when that is a request. */
const json_t *cf_compare_opening(const struct cf_finding *finding, const json_t *seen);
/* A violation for each attribution header that REQUEST does not have exactly once. */
void cf_compare_attribution(struct cf_finding *finding, const json_t *request);
/* A violation that points at the confined run INDEX. */
void cf_compare_mismatch(struct cf_finding *finding, int index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds control and attempt legs for a case with RUNS runs: each leg ran to its end. */
void cf_compare_legs(struct cf_finding *finding, int runs, bool control_ok, const char *control);
/* The same for all runs of the row's case at the launch's scale. Returns how many there are, 0 when
 * the bare ones did not end as the case says they must: then they show nothing. */
int cf_compare_case(struct cf_finding *finding);

/* A rule over one leg's JSON: NULL when it holds, else what breaks it (static or in BUFFER). */
typedef const char *cf_rule(const json_t *seen, char buffer[256]);
/* The rule must hold for SUBJECT and must be broken by CONTROL. Steals neither. SEQ is where
 * SUBJECT stands in the harness's log. */
void cf_compare_rule(struct cf_finding *finding, const json_t *control, const json_t *subject,
                     cf_rule *rule, json_int_t seq);

#endif
