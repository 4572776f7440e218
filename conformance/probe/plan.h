/*
 * plan.h - the text a probe follows, checked whole before the first packet.
 *
 *     firma-probe-plan 1
 *     token 0123456789abcdef0123456789abcdef
 *     leg attempt
 *     as-root
 *     machine BOOT_ID SECONDS
 *     live NONCE proxy-get http://198.51.100.80/
 *     wait fault
 *     step ROW TECHNIQUE NONCE DEADLINE_MS [key=value…]
 *     repeat SECONDS PERIOD_MS
 *     step …
 *     end
 *     wait restored
 *     live-after NONCE http://198.51.100.80/
 *
 * One statement a line, words apart by single spaces; `#` begins a comment line; \xHH is a byte (a
 * space in a value is \x20), \\ a backslash, %n in a value the line's nonce. README.md has the list
 * of techniques and their keys.
 */
#ifndef PROBE_PLAN_H
#define PROBE_PLAN_H

#include "probe.h"

enum { PROBE_PLAN_BYTES = 1 << 20, PROBE_STATEMENTS = 4096, PROBE_WORDS = 32 };

enum probe_verb {
    PROBE_LEG,
    PROBE_LIVE,
    PROBE_WAIT,
    PROBE_STEP,
    PROBE_REPEAT,
    PROBE_END,
    PROBE_LIVE_AFTER,
    PROBE_AS_ROOT,
    PROBE_MACHINE,
};

/* `word` are the statement's words after the verb, unescaped, owned by the plan. */
struct probe_statement {
    enum probe_verb verb;
    int line;
    const char *word[PROBE_WORDS];
    size_t words;
    long number[2]; /* deadline; or seconds and period */
};

struct probe_plan {
    char *bytes;
    struct probe_statement *statement;
    size_t statements;
    const char *token;
    bool as_root;          /* the guest's root is to follow the plan, if the guest gives it away */
    const char *host_boot; /* of the machine statement, or NULL */
    long host_seconds;
};

/* Reads and checks the plan at PATH, whose token must be TOKEN. False: ERROR says what is wrong on
 * which line. The caller frees PLAN either way. */
bool probe_plan_read(struct probe_plan *plan, const char *path, const char *token,
                     struct probe_text *error);
void probe_plan_free(struct probe_plan *plan);
/* Fills STEP from the statement's words from FIRST on (key=value…). False: no such form. */
bool probe_plan_params(struct probe_step *step, const char *const *word, size_t words);

#endif
