#include <sys/resource.h>
#include <sys/wait.h>

#include "runner/common/common.h"
#include "runner/guest/guest.h"

int firma_runner_mirror(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    int number = WTERMSIG(status);
    const struct rlimit no_core = {0, 0}; /* one core dump, the command's, is enough */
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    return FIRMA_EXIT_SIGNAL + number;
}
