#include "launcher/tree.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "launcher/loop.h"
#include "launcher/processes_linux.h"

enum { BOUND_MS = 10000, ROUND_MS = 20 };

struct list {
    struct firma_process *items;
    size_t count;
    size_t capacity;
};

int firma_tree_adopt(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* The signal is set before the parent is looked at: whichever way round it dies, we notice. */
bool firma_tree_bind_to(pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static bool append(const struct firma_process *process, void *context)
{
    struct list *list = context;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity != 0 ? 2 * list->capacity : 256;
        struct firma_process *items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *process;
    return true;
}

/* A pid may have passed to a stranger since it was listed. The descriptor pins whoever has it now,
 * and the start time tells whether that is still the one we mean. */
static void kill_exactly(const struct firma_process *process)
{
    struct firma_process now;
    FIRMA_AUTOCLOSE int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (fd >= 0 && firma_process_read(process->pid, &now) && now.start == process->start)
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
}

static bool is_member(const pid_t *family, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++) {
        if (family[i] == pid)
            return true;
    }
    return false;
}

/* Grows the family by children of its members until a pass adds nobody, killing each as it is
 * found. */
static void kill_family(const struct list *list, pid_t *family)
{
    size_t count = 1;
    for (size_t before = 0; before != count;) {
        before = count;
        for (size_t i = 0; i < list->count; i++) {
            const struct firma_process *process = &list->items[i];
            if (is_member(family, count, process->parent) &&
                !is_member(family, count, process->pid)) {
                family[count++] = process->pid;
                kill_exactly(process);
            }
        }
    }
}

static bool kill_descendants(void)
{
    struct list list = {0};
    bool listed = firma_processes_each(append, &list);
    pid_t *family = calloc(list.count + 1, sizeof *family);
    if (family != NULL) {
        family[0] = getpid();
        kill_family(&list, family);
    }
    listed = listed && family != NULL;
    free(family);
    free(list.items);
    return listed;
}

/* Reaps what is dead; true once there is no child at all. */
static bool reap_all(void)
{
    pid_t pid;
    do
        pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0);
    return pid < 0 && errno == ECHILD;
}

/* Killing a parent makes its children ours, so rounds are repeated; a round waits for the next
 * death, bounded because a grandchild's is not told to us. Without /proc, the group must do. */
bool firma_tree_end(pid_t group)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const struct timespec round = {.tv_nsec = ROUND_MS * 1000000L};
    for (uint64_t end = firma_loop_now() + BOUND_MS; firma_loop_now() < end;) {
        if (reap_all())
            return true;
        if (!kill_descendants() && group > 0)
            kill(-group, SIGKILL);
        if (reap_all())
            return true;
        sigtimedwait(&child, NULL, &round);
    }
    return false;
}
