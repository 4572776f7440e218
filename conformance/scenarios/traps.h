/*
 * traps.h - what is planted around one run of a case, and what became of it.
 *
 * A case with "trap=NAME" finds it set: twins of helpers on the caller's PATH, a stale directory
 * with somebody's pid in it, a link that leads elsewhere once it has been checked. Bare, the
 * command walks into it; confined, nothing of it may be touched. What was touched stands in the
 * run's record as `touched`, a list of words, each beginning with the kind of thing it was. A trap
 * that waits for its moment says in `sprung` whether that came.
 */
#ifndef CF_TRAPS_H
#define CF_TRAPS_H

#include "scenarios/gate.h"
#include "scenarios/stage.h"

/* A trap while its run lasts. */
struct cf_trapped {
    const struct cf_trap *trap; /* NULL: none */
    struct cf_gate gate;
    pid_t bystander; /* 0: none */
    int line;        /* to the bystander, which answers with what it is told; -1: none */
    int lock;        /* -1: none */
    json_t *before;  /* as the trap likes */
    json_t *touched; /* what was noticed while the run lasted */
    bool sprung;     /* the moment came that the trap waited for */
};

struct cf_trap {
    const char *name;
    /* Plants, and changes START where the trap is in the caller's environment or options. */
    int (*set)(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_start *start,
               struct cf_error *err);
    /* While the run lasts, behind the case's script; NULL: nothing then. */
    void (*spring)(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_process *process);
    /* Behind the run: adds to `touched`; NULL: nothing more. */
    void (*look)(struct cf_trapped *trapped, const struct cf_process *process);
    const char *folders[4]; /* what goes when all is over */
    bool waits;             /* `sprung` is told */
};

extern const struct cf_trap cf_plain_traps[]; /* traps_linux.c; ends with a NULL name */
extern const struct cf_trap cf_swap_traps[];  /* traps_swap_linux.c */

/* Sets the trap that TEST asks for, if it does. */
int cf_trap_set(struct cf_trapped *trapped, const struct cf_case *test, struct cf_stage *stage,
                struct cf_start *start, struct cf_error *err);
void cf_trap_spring(struct cf_trapped *trapped, struct cf_stage *stage, struct cf_process *process);
/* Adds `touched`, and `sprung` where the trap waits, to the run's FIELDS. */
void cf_trap_look(struct cf_trapped *trapped, const struct cf_process *process, json_t *fields);
/* Takes everything away again. */
void cf_trap_clear(struct cf_trapped *trapped);

/* For traps: a folder or a file with TEXT; failures are told by errno. */
int cf_trap_folder(const char *path, mode_t mode, struct cf_error *err);
int cf_trap_file(const char *path, const char *text, mode_t mode, struct cf_error *err);
/* KIND and a name. */
void cf_trap_touched(struct cf_trapped *trapped, const char *kind, const char *name);

#endif
