/*
 * tampers.h - what can be done to a good bundle of launch `net` with by.tcp4, and what the judge
 * must then say. Each works on a bundle made by hand and on a recorded one alike.
 */
#ifndef CF_TAMPERS_H
#define CF_TAMPERS_H

#include "bundle.h"

struct tamper {
    const char *name;
    void (*apply)(const struct bundle *bundle);
    const char *verdict, *word; /* bundle_is() */
};
/* Each ends with a NULL name. */
extern const struct tamper cf_tampers_guest[];     /* tampers_guest.c */
extern const struct tamper cf_tampers_leaks[];     /* tampers_leaks.c */
extern const struct tamper cf_tampers_observers[]; /* tampers_observers.c */

/* Applies every tamper to a copy of its own of the run in FROM, seals it, and fails the test with
 * the list of those that CHECK calls wrong; WHY is for CHECK to fill. */
typedef int tamper_check(const struct bundle *bundle, const struct tamper *tamper, char *why,
                         size_t size);
void cf_tamper_all(const char *from, tamper_check *check);

/* The verdict is the tamper's own, for its reason. */
tamper_check cf_tamper_is_noticed;
/* Whatever the verdict is, it is not PASS. */
tamper_check cf_tamper_acquits_nobody;

#endif
