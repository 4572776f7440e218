#include "launcher/tree.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/loop.h"

enum { BOUND_MS = 10000 };

int firma_tree_adopt(void)
{
    return 0;
}

bool firma_tree_bind_to(pid_t parent)
{
    return getppid() == parent;
}

static bool reap_all(void)
{
    pid_t pid;
    do
        pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0);
    return pid < 0 && errno == ECHILD;
}

/* SIGCHLD is blocked: while a child is left, its death is awaited by sigwait(2), which returns at
 * once for one that is pending. A child that cannot be killed ends the wait at the alarm. */
bool firma_tree_end(pid_t group)
{
    sigset_t wake;
    sigset_t before;
    sigemptyset(&wake);
    sigaddset(&wake, SIGCHLD);
    sigaddset(&wake, SIGALRM);
    sigprocmask(SIG_BLOCK, &wake, &before);
    if (group > 0)
        kill(-group, SIGKILL);
    unsigned alarm_before = alarm(BOUND_MS / 1000);
    int number = 0;
    bool done = reap_all();
    while (!done && number != SIGALRM && sigwait(&wake, &number) == 0)
        done = reap_all();
    alarm(alarm_before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return done;
}
