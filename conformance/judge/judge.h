/*
 * judge.h - from a bundle to a verdict: pure functions, so that anyone can recompute them.
 *
 * Theory of operation. A row's kind says which legs it owes (DENY: control, live-before, attempt,
 * live-after, health; …). Every leg either holds or does not. Apart from the legs, evidence may
 * contain violations: a nonce where it may not be, a frame nobody accounts for, a mismatch. Then
 *
 *     any violation            FAIL          (whatever else is missing)
 *     else any leg not holding INCONCLUSIVE
 *     else                     PASS
 *
 * What a guest printed can take a leg away (a receipt that is missing) or add a violation (it says
 * that it got through); it can never make a leg hold that the outside did not see.
 */
#ifndef CF_JUDGE_H
#define CF_JUDGE_H

#include <jansson.h>

#include "judge/evidence.h"
#include "register/cases.h"
#include "register/register.h"

/* What is known about one row so far. */
struct cf_finding {
    const struct cf_evidence *evidence;
    const struct cf_row *row;
    const json_t *plan; /* the row's entry in launch.json */
    json_t *legs;       /* [{"name","ok","detail","evidence":[{"file","seq"}]}] */
    json_t *violations; /* [{"file","seq","what"}] */
};

/* Adds a leg. FILE (relative to the run, NULL: none) and SEQ point at what shows it. */
void cf_finding_leg(struct cf_finding *finding, const char *name, bool ok, const char *file,
                    json_int_t seq, const char *format, ...) __attribute__((format(printf, 6, 7)));
void cf_finding_violation(struct cf_finding *finding, const char *file, json_int_t seq,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));
/* "launches/net/subject/canary.jsonl" in BUFFER (static sizes suffice: 256). */
const char *cf_finding_file(const struct cf_finding *finding, enum cf_leg leg, const char *observer,
                            char buffer[256]);
/* The nonce of the row's leg, from the bundle; "" when the bundle has none. */
const char *cf_finding_nonce(const struct cf_finding *finding, enum cf_leg leg);

/* At which scale the launch was played, from the bundle. */
enum cf_scale cf_finding_scale(const struct cf_finding *finding);

/* The kinds. Each adds its legs and violations. */
void cf_judge_network(struct cf_finding *finding); /* deny and outage */
void cf_judge_refuse(struct cf_finding *finding);
void cf_judge_compare(struct cf_finding *finding);

/* Shared by the kinds: */
/* Adds the `health` leg: every observer of both labs (compare: the harness alone). */
void cf_judge_health(struct cf_finding *finding);
/* Adds a violation for every place in the subject lab where NONCE stands and may not. */
void cf_judge_leaks(struct cf_finding *finding, const char *nonce);
/* Whether what LEG's guest printed shows the secret that belongs to the row's nonce, and where. */
bool cf_judge_secret(const struct cf_finding *finding, enum cf_leg leg, char file[256],
                     json_int_t *seq);
/* Adds a violation where the confined guest printed that secret. */
void cf_judge_secrets(struct cf_finding *finding);
/* Adds a violation for every place but the sidecar and what it dialled where NONCE stands. */
void cf_judge_elsewhere(struct cf_finding *finding, const char *nonce);
/* Adds a violation for every captured frame that is ROW's by address, or nobody's. */
void cf_judge_frames(struct cf_finding *finding);
/* Adds a violation for every arrival upstream that the sidecar's log does not explain. */
void cf_judge_upstream(struct cf_finding *finding);
/* How often the sidecar, and the canary by way of the sidecar, heard NONCE in LEG's lab. */
struct cf_mediated {
    unsigned requests, arrivals;
    json_int_t seq; /* of the first request */
    char file[256];
    json_t *request; /* borrowed */
};
struct cf_mediated cf_judge_mediated(const struct cf_finding *finding, enum cf_leg leg,
                                     const char *nonce);

/* The verdict on ROW as an object of conformance.json's `rows`. New reference. */
json_t *cf_judge_row(const struct cf_evidence *evidence, const struct cf_row *row);
/* A verdict that needs no evidence: declared by the platform or the operator. New reference. */
json_t *cf_judge_not_applicable(const struct cf_row *row, const char *reason);
/* The verdict on a row that cannot pass for the reason EXCUSE (NULL: it can), but may have been
 * tried all the same: then it can fail. New reference. */
json_t *cf_judge_excused(const struct cf_evidence *evidence, const struct cf_row *row,
                         const char *excuse);
/* A verdict for a row whose launch left no evidence. New reference. */
json_t *cf_judge_missing(const struct cf_row *row, const char *reason);

#endif
