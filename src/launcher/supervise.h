/* supervise.h - from the spawn to the end. See supervise.c for the theory of operation. */
#ifndef FIRMA_SUPERVISE_H
#define FIRMA_SUPERVISE_H

#include "launcher/guardian.h"
#include "launcher/log.h"
#include "launcher/loop.h"

/* What a repeated TERM or INT is measured by. */
struct firma_grace {
    struct firma_supervisor *supervisor;
    struct firma_timer timer;
    int number;
    bool running;
};

/* Pointers are borrowed. */
struct firma_supervisor {
    struct firma_loop *loop;
    const struct firma_guardian *guardian;
    const struct firma_terminal *terminal;
    const struct firma_log *log;
    unsigned grace_seconds;
    struct firma_grace term;
    struct firma_grace interrupt;
    bool resting;  /* we stopped ourselves because the runner was stopped */
    bool has_mode; /* `mode` is the terminal's as the stopped runner left it */
    struct termios mode;
    bool done;
    struct firma_exit end;
};

/* Runs LOOP until the runner has ended and its tree is gone. Signals must come in by
 * firma_supervisor_signal(). FIRMA_E_SYSTEM. */
int firma_supervise(struct firma_supervisor *supervisor, struct firma_error *err);

void firma_supervisor_signal(struct firma_supervisor *supervisor,
                             const struct firma_signal *signal);

#endif
