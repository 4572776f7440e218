/* tamper_tools.h - how a tamper finds its way in a bundle of launch `net` and changes one thing. */
#ifndef CF_TAMPER_TOOLS_H
#define CF_TAMPER_TOOLS_H

#include "tampers.h"

#define AT     "launches/net/"
#define FAIL   "FAIL"
#define UNSURE "INCONCLUSIVE"

/* A nonce of launch.json: "control", "attempt", "before" or "after". Static storage. */
char *tamper_nonce(const struct bundle *bundle, const char *which);
/* Whether WORD stands anywhere in RECORD. */
int tamper_holds(const json_t *record, const char *word);
/* Drops the records of FILE that hold WORD and are called EVENT (NULL: whatever they are called);
 * fails the test when there are none. */
void tamper_drop(const struct bundle *bundle, const char *file, const char *event,
                 const char *word);
/* Appends a record; steals FIELDS. */
void tamper_add(const struct bundle *bundle, const char *file, const char *observer,
                const char *event, json_t *fields);
/* Sets KEY of the first record called EVENT; steals VALUE. */
void tamper_set(const struct bundle *bundle, const char *file, const char *event, const char *key,
                json_t *value);
/* Replaces OLD by NEW wherever it stands in a log. */
void tamper_replace(const struct bundle *bundle, const char *file, const char *old,
                    const char *new);
/* Makes the capture's own record of LEG count FRAMES. */
void tamper_count_frames(const struct bundle *bundle, const char *leg, json_int_t frames);
/* The fields of something that came to the canary by VIA ("veth" or "sidecar"). New reference. */
json_t *tamper_arrival(const char *via, const char *data);

#endif
