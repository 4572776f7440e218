/*
 * cases.h - the commands that compare rows run, bare and confined: cases.def as a table.
 *
 * Pure data: the scenario plays it, the judge reads from it what a control must have ended with.
 */
#ifndef CF_CASES_H
#define CF_CASES_H

#include <stdbool.h>
#include <stddef.h>

enum { CF_CASE_WORDS = 24, CF_CASE_RUNS = 320, CF_EXIT_EACH = -1, CF_EXIT_DEATH = -2 };

/* How much of the long rows is played: all of it, or as much as a booted machine has time for. */
enum cf_scale { CF_FULL, CF_SMALL };
const char *cf_scale_name(enum cf_scale scale);
/* False when NAME is none. */
bool cf_scale_named(const char *name, enum cf_scale *out);
/* The bytes that stand for @big. */
size_t cf_scale_big(enum cf_scale scale);

struct cf_case {
    const char *name;
    int exit;
    const char *how, *options, *script;
    const char *argv[CF_CASE_WORDS];
};

/* One run of a case: EACH is the number for @each, EXIT what the bare run ends with. */
struct cf_case_run {
    const struct cf_case *test;
    int each, exit;
};

/* The runs of the case that ATTEMPT's first word names, in order; how many there are, at most
 * CF_CASE_RUNS. */
size_t cf_case_runs(const char *attempt, enum cf_scale scale,
                    struct cf_case_run runs[CF_CASE_RUNS]);
/* Whether HOW has WORD, or WORD= with a value, which VALUE then holds ("" without). */
bool cf_case_how(const struct cf_case *test, const char *word, char *value, size_t size);
/* Whether two attempts share a case. */
bool cf_case_same(const char *attempt, const char *other);

/* The table itself, for the register's digest. */
extern const struct cf_case cf_cases[];
extern const size_t cf_case_count;

#endif
