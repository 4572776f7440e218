/*
 * tampers.h - what can be done to a good bundle of launch `net` with by.tcp4, and what the judge
 * must then say. Each works on a bundle made by hand and on a recorded one alike.
 */
#ifndef CF_TAMPERS_H
#define CF_TAMPERS_H

#include "bundle.h"

struct tamper {
    const char *name;
    void (*apply)(const struct bundle *bundle); /* the caller seals the bundle again */
    const char *verdict, *word;                 /* bundle_expect() */
};
extern const struct tamper cf_tampers[];
extern const size_t cf_tamper_count;

/* Applies every tamper to a copy of the run in FROM, one after the other, and fails the test with
 * the list of those that were judged wrongly. */
void cf_tamper_all(const char *from);

#endif
