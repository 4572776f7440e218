/*
 * register.h - the single list of rows (requirements) and launches (how they are observed).
 *
 * The data is in *.def files beside this header: one ROW per requirement, one LAUNCH per launch.
 * Rows of one launch share its labs, its sidecar and its guest process.
 */
#ifndef CF_REGISTER_H
#define CF_REGISTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define CF_INVARIANTS(X)                                                                           \
    X(sidecar_only_egress)                                                                         \
    X(dns_confined)                                                                                \
    X(fail_closed_startup)                                                                         \
    X(fail_closed_runtime)                                                                         \
    X(direct_bypass_resistant)                                                                     \
    X(preserve_stdio_signals_exit)                                                                 \
    X(contract_custody)                                                                            \
    X(execution_envelope)

/* The first six are the contract's invariants; the last two stand for its own custody and for what
 * the command must find around itself. */
enum cf_invariant {
#define X(name) CF_##name,
    CF_INVARIANTS(X)
#undef X
        CF_INVARIANT_COUNT
};

enum cf_level { CF_MUST, CF_SHOULD, CF_INFO };
enum cf_subject { CF_launcher, CF_runner, CF_pair };
enum cf_kind { CF_deny, CF_outage, CF_refuse, CF_compare };

/* How a launch is driven; observe has one function for each. */
enum cf_scenario {
    CF_PROBE,     /* the probe works through a plan, start to end */
    CF_OUTAGE,    /* the same, with a fault injected when the probe says it waits for one */
    CF_REFUSE,    /* one good launch, then one launch per row with that row's fault */
    CF_CASES,     /* one command per row, bare and confined */
    CF_RECORDER,  /* the launcher alone: its runner is an instrument that records what it was given
                   */
    CF_NEIGHBOUR, /* another user's process knocks at bridge and stub while a guest runs */
    CF_INBOUND    /* the host, and a second guest, knock at a guest that listens */
};

struct cf_launch {
    const char *name;
    enum cf_scenario scenario;
    const char *detail; /* the scenario's parameter: a fault, an identity; "" for none */
    const char *statement;
};

struct cf_row {
    const char *id;
    enum cf_level level;
    enum cf_invariant invariant;
    enum cf_subject subject;
    enum cf_kind kind;
    const char *launch;
    const char *observers; /* space-separated; the first one must hear the control */
    const char *attempt;   /* deny, outage: technique and arguments; refuse: fault; compare: case */
    const char *source;    /* where it was a real bug, or "" */
    const char *statement;
};

extern const struct cf_launch cf_launches[];
extern const size_t cf_launch_count;
extern const struct cf_row cf_rows[];
extern const size_t cf_row_count;

const struct cf_launch *cf_launch_find(const char *name);
const struct cf_row *cf_row_find(const char *id);
/* Whether LAUNCH's fault ends the subject itself, so that nothing of it may be left. */
bool cf_launch_kills(const struct cf_launch *launch);
/* Whether LAUNCH takes a second user id in its labs. */
bool cf_launch_has_second_user(const struct cf_launch *launch);
/* The group of a row: its id up to the first dot, as a pointer to a static string. */
const char *cf_row_group(const struct cf_row *row);

const char *cf_invariant_name(enum cf_invariant invariant);
const char *cf_level_name(enum cf_level level);
const char *cf_subject_name(enum cf_subject subject);
const char *cf_kind_name(enum cf_kind kind);

/* SHA-256 (hexadecimal) over every field of every row and launch: what a bundle was planned from.
 */
int cf_register_digest(char text[65], struct cf_error *err);

/* Whether SELECTOR (a row id, a group, a level, an invariant, a launch) names ROW. */
int cf_row_matches(const struct cf_row *row, const char *selector);

#endif
