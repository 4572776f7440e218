/* shown.h - reading a judged result without trusting its shape. */
#ifndef CF_REPORT_SHOWN_H
#define CF_REPORT_SHOWN_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

/* How a row is shown. What is not one of the four words is CF_SHOWN_INCONCLUSIVE. */
enum cf_shown {
    CF_SHOWN_PASS,
    CF_SHOWN_FAIL,
    CF_SHOWN_INCONCLUSIVE,
    CF_SHOWN_NOT_APPLICABLE,
    CF_SHOWN_COUNT
};

enum cf_shown cf_shown_verdict(const json_t *row);
/* "PASS", "FAIL", "INCONCLUSIVE", "NOT_APPLICABLE". */
const char *cf_shown_word(enum cf_shown verdict);

/* A deep copy in which every string is valid UTF-8 without NUL: other bytes become \xHH. New
 * reference; -CF_E_BUNDLE when RESULT is not an object with an array `rows`. */
int cf_shown_clean(json_t **out, const json_t *result, struct cf_error *err);

/* The string at KEY, "" when it is not there or no string. Borrowed. */
const char *cf_shown_text(const json_t *object, const char *key);
json_int_t cf_shown_number(const json_t *object, const char *key);

/* The rows by invariant: a new array of {"name","rows":[…]}, in the register's order, what the
 * register does not know last; NULL when memory is short. */
json_t *cf_shown_groups(const json_t *result);
/* How many of ROWS have each verdict. */
void cf_shown_count(const json_t *rows, size_t counts[CF_SHOWN_COUNT]);

/* One word and one line for the whole run, from its exit status. */
const char *cf_shown_headline(const json_t *result);
const char *cf_shown_meaning(const json_t *result);

#endif
