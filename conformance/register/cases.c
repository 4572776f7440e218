#include "register/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EACH  CF_EXIT_EACH
#define DEATH CF_EXIT_DEATH
const struct cf_case cf_cases[] = {
#define CASE(name, exit, how, options, script, ...)                                                \
    {name, exit, how, options, script, {__VA_ARGS__}},
#include "register/cases.def"
#undef CASE
};
const size_t cf_case_count = sizeof cf_cases / sizeof cf_cases[0];

static const char *const scales[] = {[CF_FULL] = "full", [CF_SMALL] = "small"};

const char *cf_scale_name(enum cf_scale scale)
{
    return scales[scale];
}

bool cf_scale_named(const char *name, enum cf_scale *out)
{
    for (int i = CF_FULL; i <= CF_SMALL; i++)
        if (strcmp(name, scales[i]) == 0) {
            *out = (enum cf_scale)i;
            return true;
        }
    return false;
}

size_t cf_scale_big(enum cf_scale scale)
{
    return scale == CF_FULL ? (size_t)1 << 30 : (size_t)1 << 26;
}

bool cf_case_how(const struct cf_case *test, const char *word, char *value, size_t size)
{
    size_t length = strlen(word);
    for (const char *at = test->how; *at != '\0';) {
        size_t span = strcspn(at, " ");
        if (span >= length && strncmp(at, word, length) == 0 &&
            (span == length || at[length] == '=')) {
            const char *from = span == length ? at + length : at + length + 1;
            if (value != NULL)
                snprintf(value, size, "%.*s", (int)(at + span - from), from);
            return true;
        }
        at += span + strspn(at + span, " ");
    }
    return false;
}

bool cf_case_same(const char *attempt, const char *other)
{
    size_t length = strcspn(attempt, " ");
    return strcspn(other, " ") == length && strncmp(attempt, other, length) == 0;
}

static void add_run(struct cf_case_run runs[CF_CASE_RUNS], size_t *count,
                    const struct cf_case *test, int each)
{
    int exit = test->exit == CF_EXIT_EACH    ? each
               : test->exit == CF_EXIT_DEATH ? 128 + each
                                             : test->exit;
    if (*count < CF_CASE_RUNS)
        runs[(*count)++] = (struct cf_case_run){test, each, exit};
}

/* "0-3,7" is 0, 1, 2, 3 and 7. */
static void add_list(struct cf_case_run runs[CF_CASE_RUNS], size_t *count,
                     const struct cf_case *test, const char *list)
{
    char *end;
    for (const char *at = list; *at != '\0'; at = *end == ',' ? end + 1 : end) {
        long first = strtol(at, &end, 10), last = first;
        if (end == at)
            return;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        for (long each = first; each <= last; each++)
            add_run(runs, count, test, (int)each);
    }
}

size_t cf_case_runs(const char *attempt, enum cf_scale scale, struct cf_case_run runs[CF_CASE_RUNS])
{
    size_t count = 0;
    for (size_t i = 0; i < cf_case_count; i++) {
        const struct cf_case *test = &cf_cases[i];
        char list[128];
        bool small = scale == CF_SMALL;
        if (!cf_case_same(attempt, test->name) || (small && cf_case_how(test, "full", NULL, 0)))
            continue;
        if ((small && cf_case_how(test, "small", list, sizeof list)) ||
            cf_case_how(test, "each", list, sizeof list))
            add_list(runs, &count, test, list);
        else
            add_run(runs, &count, test, 0);
    }
    return count;
}
