#include <signal.h>

#include "recorder.h"

static void note(json_t *list, int number, int present)
{
    if (present)
        json_array_append_new(list, json_integer(number));
}

/* Asked of the system call interface and not of /proc, which only Linux has. Real-time signals are
 * included; the few that the C library keeps for itself answer with an error and are left out. */
json_t *fake_signals(void)
{
    json_t *blocked = json_array();
    json_t *ignored = json_array();
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        note(blocked, number, sigismember(&mask, number) == 1);
        if (sigaction(number, NULL, &action) == 0)
            note(ignored, number, action.sa_handler == SIG_IGN);
    }
    json_t *signals = json_object();
    json_object_set_new(signals, "blocked", blocked);
    json_object_set_new(signals, "ignored", ignored);
    return signals;
}
