/*
 * faults.h - a launch in which one thing goes wrong, and what must hold all the same.
 *
 * Theory of operation. A *point* is one fault: the third openat(2) of the launcher fails, the
 * guest's init is killed as it enters move_mount(2), the runtime directory has room for two pages.
 * The parent plans points from an undisturbed launch that was watched call by call, and hands them
 * to *cells*. A cell is a lab of the suite (lab/lab.h) with a pid namespace in it whose pid 1 plays
 * one point after the other: it starts firma-run there, watches it with ptrace(2) where the point
 * needs that, reaps everything and looks at what is left.
 *
 *     faults ──socket── cell (pid 1) ──ptrace──> launcher ─> guardian ─> runner ─> init ─> command
 *                         └─ sidecar
 *
 * The command is `faults-witness`: it writes down how it finds itself confined, asks the proxy and
 * the DNS stub something, and exits 42. What it says must be what it says when nothing goes wrong.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "preload.h"

enum {
    FAULT_BOUND_MS = 30000, /* a launch that takes longer hangs */
    FAULT_GONE_MS = 5000,   /* after its launcher's end nothing may live longer */
    FAULT_TEXT = 16384,     /* of every file that is looked at */
    FAULT_ID = 160,
    FAULT_EXIT = 42,      /* the witness's */
    FAULT_UNSTARTED = 99, /* the launcher could not even be executed */
};

enum fault_role {
    FAULT_LAUNCHER,
    FAULT_GUARDIAN,
    FAULT_SPAWN, /* the runner-to-be, before its exec */
    FAULT_RUNNER,
    FAULT_INIT,
    FAULT_COMMAND, /* the command-to-be, before its exec */
    FAULT_ROLES,
    FAULT_SIDECAR = FAULT_ROLES, /* is killed, not watched */
};

/* ---- calls.c: names of calls and roles, and what a call may plausibly fail with ---- */

const char *fault_role_name(int role);
int fault_role_find(const char *name); /* -1 */
/* NULL for a call that is in no table. */
const char *fault_call_name(long number);
long fault_call_find(const char *name); /* -1 */
/* 0: this call cannot fail by its definition, or only by killing. */
int fault_call_errno(long number);
/* What tells two uses of a call apart: an option's name, the end of a path. "" if nothing does. */
void fault_call_detail(pid_t pid, long number, const uint64_t *arguments, char *out, size_t size);
/* A call by which a guest is confined or watched: its failure may never be ignored. */
bool fault_call_is_vital(const char *name, const char *detail);

/* ---- ignorable.c: which failures a launch may go on after, and why ---- */

struct fault_ignorable;
/* NULL after a message on stderr: unreadable, a line without reason, or a vital call in it. */
struct fault_ignorable *fault_ignorable_read(const char *path);
/* The reason, or NULL. Lines name a role (or *), a call, and optionally a detail's pattern. */
const char *fault_ignorable_reason(const struct fault_ignorable *list, const char *role,
                                   const char *call, const char *detail);
size_t fault_ignorable_count(const struct fault_ignorable *list);
void fault_ignorable_free(struct fault_ignorable *list);

/* ---- symbols.c ---- */

/* "FUNCTION<PROGRAM+OFFSET", as the preloaded library leaves it, with the name of the program's
 * function in place of the offset where its symbols tell. */
void fault_symbols_name(const char *caller, char *out, size_t size);

/* ---- trace_linux.c ---- */

struct fault_order {
    int role;
    long call;
    unsigned nth; /* from 1; 0: nothing is ordered */
    int errnum;   /* 0: kill `victim` instead */
    int victim;
};

struct fault_trace {
    struct fault_order order;
    pid_t sidecar;
    /* Called at every call's entry; may be NULL. */
    void (*on_call)(void *context, int role, long call, unsigned nth, const char *detail);
    void *context;
    /* what became of it */
    bool fired;
    bool victim_lived;     /* when the fault struck there was somebody to kill */
    bool asked_before;     /* the runner had asked the sidecar, who may have answered */
    bool committed_before; /* the runner was already being told that all is well */
    bool executed_before;  /* the command had been executed */
    bool runner_executed, command_executed;
    bool loading;                       /* the process had not come to its own code yet */
    uint64_t committed_ns, executed_ns; /* CLOCK_MONOTONIC; 0: never */
    char detail[96];
};

/* Runs the launcher that waits in PID until it and all others but the sidecar have ended. TRACE
 * NULL: without ptrace(2). After PATIENCE_MS (0: never) the launcher gets SIGTERM. What hangs or
 * stays is killed, and the sidecar with it. */
struct fault_end {
    int status;    /* of the launcher, as wait(2) has it */
    bool hung;     /* the launcher did not end */
    bool outlived; /* something outlived it by more than FAULT_GONE_MS */
    char survivors[256];
};
void fault_trace_run(struct fault_trace *trace, pid_t pid, pid_t sidecar, unsigned patience_ms,
                     struct fault_end *out);

/* ---- launch_linux.c ---- */

enum { FAULT_LIMITS = 2, FAULT_WORDS = 8 };

/* How a launch is started. All fields 0: as it should be. */
struct fault_launch {
    struct rlimit limit[FAULT_LIMITS];
    int limited[FAULT_LIMITS]; /* RLIMIT_… + 1 */
    bool closed[3];
    bool dead_end[4];  /* a full pipe that nobody reads, in place of fds 0-2 and the status fd */
    bool broken[4];    /* a pipe whose reader is gone */
    bool full_disk[4]; /* /dev/full */
    bool terminal;
    bool sweeps; /* comes after one that left something, and must find it and take it away */
    long long clock_ahead;          /* seconds: a time namespace whose monotonic clock is ahead */
    unsigned patience_ms;           /* then SIGTERM, for launches that wait by right; 0: never */
    const char *words[FAULT_WORDS]; /* further options, NULL-terminated */
    const char *runtime;            /* NULL: /tmp/run; "": none is named */
    uint16_t port;                  /* the sidecar's */
};

struct fault_result {
    struct fault_end end;
    char out[FAULT_TEXT], err[FAULT_TEXT], status[FAULT_TEXT], report[FAULT_TEXT];
    bool marked; /* the command has begun */
    char residue[512];
};

/* Once per cell, before the first launch. */
int fault_launch_init(void);
void fault_launch_run(const struct fault_launch *launch, struct fault_trace *trace, pid_t sidecar,
                      struct fault_result *out);

/* ---- sidecar_linux.c ---- */

/* Starts one; CUT >= 0: it says that many bytes in all, then ends. SCRIPT "": fake-sidecar's word.
 */
pid_t fault_sidecar_start(const char *script, long cut, uint16_t *port);
void fault_sidecar_stop(pid_t pid);
/* What the second kind says to one question. */
long fault_sidecar_answer_length(void);

/* ---- judge.c ---- */

enum fault_outcome { FAULT_RIGHT, FAULT_REFUSED, FAULT_ENDED, FAULT_NOT_REACHED, FAULT_WRONG };
const char *fault_outcome_name(enum fault_outcome outcome);

/* What a point's kind lets happen, beside the invariants of all. */
struct fault_allowance {
    bool struck;     /* the fault happened at all */
    bool before;     /* it did before the launch was committed: the command may not run after it */
    bool ignorable;  /* unless it is one that may be ignored */
    bool killed;     /* something was killed: nobody may be left to explain */
    bool no_memory;  /* past the point of no return an exec can only end in SIGSEGV (execve(2)) */
    bool mute;       /* stderr, or the status descriptor, is what fails */
    bool no_traffic; /* proxy and stub may be dead for the command */
    bool may_wait;   /* ended by our SIGTERM: 128+15 is right */
    bool loading;    /* the dynamic linker's calls: how it dies is its own affair */
    bool unstarted;  /* there may not be enough to execute the launcher itself */
};

enum fault_outcome fault_judge(const struct fault_result *result, const struct fault_allowance *may,
                               const char *reference, char why[512]);

/* ---- points.c: what the points mean ---- */

struct fault_cell {
    char reference[2][FAULT_TEXT]; /* the witness's report: without, and with a terminal */
    pid_t sidecar;
    uint16_t port;
    struct preload_page *page;
    const struct fault_ignorable *ignorable;
};

/* Plays ID; a JSON object {"id","outcome","why",…}, never NULL. */
json_t *fault_point_play(struct fault_cell *cell, const char *id, bool verbose);
/* A launch judged, as such an object. SCENE: 0 without, 1 with a terminal. */
json_t *fault_point_conclude(const struct fault_cell *cell, const char *id, int scene,
                             const struct fault_result *result, const struct fault_allowance *may,
                             const char *detail, bool verbose);
/* Every point there is, from undisturbed launches: an array of ids; NULL after a message. */
json_t *fault_points_plan(struct fault_cell *cell);
/* Notes what an undisturbed launch looks like. False after a message on stderr. */
bool fault_points_refer(struct fault_cell *cell);

/* ---- limits.c: points in which the machine is short of something ---- */

/* Appends the ids. */
void fault_limits_plan(json_t *ids);
json_t *fault_limits_play(struct fault_cell *cell, const char *id, bool verbose);

/* ---- cell_linux.c ---- */

struct fault_programs {
    const char *launcher, *runner, *bin, *folder; /* folder: witness and preload */
    const char *ignorable;
};

/* Forks a cell that answers lines ("ID" or "plan") with one JSON line each; *FD is its socket. */
pid_t fault_cell_start(const struct fault_programs *programs, bool verbose, int *fd);

#endif
