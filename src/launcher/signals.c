#include "launcher/signals.h"

#include <errno.h>

const char *firma_signal_name(int number)
{
    switch (number) {
#define X(value, name, ends)                                                                       \
    case value:                                                                                    \
        return name;
        FIRMA_FORWARDED_SIGNALS(X)
#undef X
    }
    return "signal";
}

bool firma_signal_ends_preparation(int number)
{
    switch (number) {
#define X(value, name, ends)                                                                       \
    case value:                                                                                    \
        return ends;
        FIRMA_FORWARDED_SIGNALS(X)
#undef X
    }
    return false;
}

void firma_signals_forwarded(sigset_t *out)
{
    sigemptyset(out);
#define X(value, name, ends) sigaddset(out, value);
    FIRMA_FORWARDED_SIGNALS(X)
#undef X
}

static void record(struct firma_signals *found, int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) < 0 || action.sa_handler == SIG_DFL)
        return;
    sigaddset(action.sa_handler == SIG_IGN ? &found->ignored : &found->caught, number);
}

static void blocked_set(sigset_t *out)
{
    static const int others[] = {SIGCHLD, SIGPIPE, SIGTTIN, SIGTTOU, SIGXFSZ};
    firma_signals_forwarded(out);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        sigaddset(out, others[i]);
}

int firma_signals_block(struct firma_signals *saved, struct firma_error *err)
{
    struct firma_signals found;
    sigemptyset(&found.ignored);
    sigemptyset(&found.caught);
    for (int number = 1; number < NSIG; number++)
        record(&found, number);
    sigset_t block;
    blocked_set(&block);
    if (sigprocmask(SIG_BLOCK, &block, &found.mask) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "sigprocmask");
    signal(SIGCHLD, SIG_DFL);
    *saved = found;
    return 0;
}

/* Ignoring a signal for a moment discards it if it is pending: what came too late to be forwarded
 * (or a PIPE of the bridge's) must not kill a launcher that has its exit status to report. */
static void discard(int number)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    if (sigaction(number, &ignore, &before) == 0)
        sigaction(number, &before, NULL);
}

void firma_signals_restore(const struct firma_signals *saved)
{
    sigset_t blocked;
    blocked_set(&blocked);
    for (int number = 1; number < NSIG; number++) {
        if (sigismember(&blocked, number) == 1 && !sigismember(&saved->mask, number))
            discard(number);
    }
    if (sigismember(&saved->ignored, SIGCHLD))
        signal(SIGCHLD, SIG_IGN);
    sigprocmask(SIG_SETMASK, &saved->mask, NULL);
}

/* What was ignored still is, but for CHLD, the only disposition we change. */
int firma_signals_inherit(const struct firma_signals *saved)
{
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&saved->caught, number) == 1)
            signal(number, SIG_DFL);
    signal(SIGCHLD, sigismember(&saved->ignored, SIGCHLD) == 1 ? SIG_IGN : SIG_DFL);
    return sigprocmask(SIG_SETMASK, &saved->mask, NULL);
}
