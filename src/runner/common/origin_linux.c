#include <errno.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "runner/common/common.h"

const int firma_runner_signals[] = {SIGINT,  SIGTERM,  SIGHUP,  SIGQUIT, SIGUSR1,
                                    SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP};
const size_t firma_runner_signal_count =
    sizeof firma_runner_signals / sizeof firma_runner_signals[0];

static sigset_t handled(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < firma_runner_signal_count; i++)
        sigaddset(&set, firma_runner_signals[i]);
    return set;
}

/* The parent may die before the kernel knows what that means to us: hence the second look. */
static int die_with_parent(pid_t parent, struct firma_error *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "PR_SET_PDEATHSIG");
    if (getppid() != parent)
        return firma_fail(err, FIRMA_E_SYSTEM, 0, "the launcher is gone");
    return 0;
}

int firma_runner_take_over(struct firma_runner_origin *origin, char **arguments,
                           struct firma_error *err)
{
    origin->arguments = arguments;
    origin->parent = getppid();
    sigset_t ours = handled();
    sigaddset(&ours, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &ours, &origin->mask) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "signal mask");
    /* With SIGCHLD ignored a child's status vanishes unread. Dispositions are otherwise untouched:
     * a blocked signal can be read from a descriptor even while it is ignored. */
    void (*before)(int) = signal(SIGCHLD, SIG_DFL);
    if (before == SIG_ERR)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "SIGCHLD");
    origin->ignore_sigchld = before == SIG_IGN;
    return die_with_parent(origin->parent, err);
}

int firma_runner_open_signals(struct firma_error *err)
{
    sigset_t set = handled();
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : firma_fail(err, FIRMA_E_SYSTEM, errno, "signalfd");
}
