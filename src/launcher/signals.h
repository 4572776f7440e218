/* signals.h - which signals the launcher handles, and what it was started with. */
#ifndef FIRMA_SIGNALS_H
#define FIRMA_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "firma_run.h"

/* Number, name, whether one that comes before the spawn ends the preparation. */
#define FIRMA_FORWARDED_SIGNALS(X)                                                                 \
    X(SIGINT, "SIGINT", true)                                                                      \
    X(SIGTERM, "SIGTERM", true)                                                                    \
    X(SIGHUP, "SIGHUP", true)                                                                      \
    X(SIGQUIT, "SIGQUIT", true)                                                                    \
    X(SIGUSR1, "SIGUSR1", false)                                                                   \
    X(SIGUSR2, "SIGUSR2", false)                                                                   \
    X(SIGWINCH, "SIGWINCH", false)                                                                 \
    X(SIGCONT, "SIGCONT", false)                                                                   \
    X(SIGTSTP, "SIGTSTP", false)

/* Mask and dispositions as the launcher itself was started: what the runner must get. */
struct firma_signals {
    sigset_t mask;
    sigset_t ignored;
    sigset_t caught; /* by handlers of the program that we are a library of */
};

/* Records into SAVED, then blocks the table, CHLD, PIPE, TTIN and TTOU and gives CHLD its default
 * disposition (a launcher started with CHLD ignored could not wait). FIRMA_E_SYSTEM. */
int firma_signals_block(struct firma_signals *saved, struct firma_error *err);

/* The signals of the table alone. */
void firma_signals_forwarded(sigset_t *out);

/* Undoes firma_signals_block() in the launcher. */
void firma_signals_restore(const struct firma_signals *saved);

/* Gives a forked child the recorded dispositions, but for handlers, which have no place in it, then
 * the recorded mask. */
int firma_signals_inherit(const struct firma_signals *saved);

/* "SIGTERM" for one of the table, else "signal". */
const char *firma_signal_name(int number);
bool firma_signal_ends_preparation(int number);

#endif
