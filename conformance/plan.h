/*
 * plan.h - from selected rows to launches: nonces, destinations, and the text a probe works
 * through.
 */
#ifndef CF_PLAN_H
#define CF_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "base/nonce.h"
#include "register/register.h"

/* The two labs of a launch. */
enum cf_leg { CF_CONTROL, CF_SUBJECT, CF_LEG_COUNT };
const char *cf_leg_name(enum cf_leg leg);

struct cf_plan_row {
    const struct cf_row *row;
    char nonce[CF_LEG_COUNT][CF_NONCE_TEXT];
};

struct cf_plan_launch {
    const struct cf_launch *launch;
    struct cf_plan_row *rows;
    size_t count;
    char token[CF_NONCE_TEXT];       /* what the probe wants to see in its plan */
    char live_before[CF_NONCE_TEXT]; /* nonces of the two allowed requests */
    char live_after[CF_NONCE_TEXT];
    char machine[64];          /* "BOOT_ID SECONDS" of this kernel, for a guest that has its own */
    char fault[CF_NONCE_TEXT]; /* handed to the guest only after the fault: receipts prove it */
};

struct cf_plan {
    struct cf_plan_launch *launches;
    size_t count;
    size_t rows;
};

/* Plans every row that one of SELECTORS names (all rows when COUNT is 0). -CF_E_NOTHING when a
 * selector names none. cf_plan_release() frees. */
int cf_plan_make(struct cf_plan *plan, const char *const *selectors, size_t count,
                 struct cf_error *err);
/* Tells PLAN what kind of guest it is for (cf_target's): in one with a kernel of its own a probe
 * may do what would harm any other, and it knows the other by what stands in its plan. */
void cf_plan_for(struct cf_plan *plan, const char *kind);
/* Whether the guest's root is to follow the plan of LAUNCH, and its control with privileges too. */
bool cf_plan_is_roots(const struct cf_launch *launch);
/* Whether LAUNCH's fault is the guest's own doing. */
bool cf_plan_ends_itself(const struct cf_launch *launch);
void cf_plan_release(struct cf_plan *plan);

/* The value of KEY in an attempt such as "tcp addr=@4 port=443", as a nonce fixes it: addr=@4 and
 * addr=@6 become an address that only NONCE leads to. False when the attempt has no such key. */
bool cf_plan_value(const char *attempt, const char *key, const char *nonce, char *out, size_t size);
/* The address that the allowed request with NONCE goes to. */
void cf_plan_live_address(const char *nonce, char *out, size_t size);

/* How long the probe's steps may take together, in milliseconds, should every one run into its
 * deadline, as they do where packets are dropped without a word; 0 for launches of other kinds. */
unsigned cf_plan_patience(const struct cf_plan_launch *launch);

/* Writes the probe's plan for LEG. FACTS: the lab's (honeypot ports). */
void cf_plan_write(FILE *out, const struct cf_plan_launch *launch, enum cf_leg leg, json_t *facts);

/* The launch's part of launch.json: rows with nonces and destinations, live nonces, fault. */
json_t *cf_plan_json(const struct cf_plan_launch *launch);

#endif
