/* explain_private.h - what the parts of an explanation share. */
#ifndef CF_REPORT_EXPLAIN_PRIVATE_H
#define CF_REPORT_EXPLAIN_PRIVATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "judge/search.h"
#include "report/logs.h"

enum { CF_EXPLAIN_EVENTS_MAX = 200, CF_EXPLAIN_PACKETS_MAX = 200 };

struct cf_explanation {
    FILE *out;
    int dir;
    const json_t *row; /* of the cleaned result */
    const char *id;
    const char *launch;
    json_t *plan;    /* launch.json's entry for the row; NULL when there is none */
    json_t *live;    /* launch.json's nonces of the allowed requests, or NULL */
    json_t *notes;   /* what could not be read */
    json_t *origins; /* a lab's name to the time its command was started */
    struct cf_logs logs;
    struct cf_needle *control, *attempt, *before, *after; /* NULL: no such nonce */
};

/* Writes TEXT in its plain form. */
void cf_explain_put(const struct cf_explanation *explanation, const char *text);

/* The next entry of the logs, from index FROM on, that is an EVENT of LAB's harness; the count of
 * entries when there is none. */
size_t cf_explain_next(const struct cf_explanation *explanation, size_t from, const char *event,
                       const char *lab);
/* The row for which the harness did what entry I says; "" when it did so for the whole launch. */
const char *cf_explain_owner(const struct cf_explanation *explanation, size_t i);
/* The fields of RECORD that its line in a timeline does not begin with. */
void cf_explain_fields(const struct cf_explanation *explanation, const json_t *record);
bool cf_explain_is_cited(const json_t *references, const char *file, json_int_t seq);

/* The command lines and contracts of both labs. */
void cf_explain_commands(const struct cf_explanation *explanation);
/* What the observers of both labs said of themselves: heartbeats, losses, deaths. */
void cf_explain_health(const struct cf_explanation *explanation);
/* Each leg: its nonce, what the judge said, its evidence and events. */
void cf_explain_legs(const struct cf_explanation *explanation);
/* The frames on the guest-side link that belong to the row. */
void cf_explain_packets(const struct cf_explanation *explanation);

#endif
