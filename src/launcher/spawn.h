/* spawn.h - from a validated runner to a running one. See spawn.c for the theory of operation. */
#ifndef FIRMA_SPAWN_H
#define FIRMA_SPAWN_H

#include "launcher/artifact.h"
#include "launcher/signals.h"
#include "launcher/terminal.h"

/* Everything is borrowed. */
struct firma_spawn {
    const struct firma_artifact *runner;
    const struct firma_signals *original; /* what the runner gets back */
    const struct firma_terminal *terminal;
    char *const *argv;
    char *const *environment;
};

/* Starts the runner as a child of the caller. Returns its pid once it has executed (or was killed
 * on the way there, which its wait status tells); FIRMA_E_SPAWN names the step that failed. */
pid_t firma_spawn_runner(const struct firma_spawn *spawn, struct firma_error *err);

/* Starts a process that is LIVE(CONTEXT), which may only get ready to execute another program, and
 * ends with its result if it returns. It may have the caller's memory until then, for which the
 * caller may wait. Returns its pid, or -1 and errno. */
pid_t firma_spawn_child(int (*live)(void *context), void *context);

/* Executes RUNNER in the calling process; returns an errno value if that failed. ESTALE: the file
 * is not the one that was validated. */
int firma_execute(const struct firma_artifact *runner, char *const *argv, char *const *environment);

/* The part of it that goes by path: compare, then execve(2) right after. */
int firma_execute_by_path(const struct firma_artifact *runner, char *const *argv,
                          char *const *environment);

#endif
