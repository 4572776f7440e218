/*
 * loop_child.c - children: who is watched, and what became of them.
 *
 * The system only says that something happened (a pidfd, or SIGCHLD); what happened is asked with
 * waitpid(pid, WNOHANG), never with pid -1: other parts of the process may own other children.
 */
#include "launcher/loop_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

static void forget_child(struct loop_child *child)
{
    struct loop_child **at = &child->loop->children;
    while (*at != NULL && *at != child)
        at = &(*at)->next;
    if (*at == child)
        *at = child->next;
    firma_loop_disarm(child->loop, &child->settle);
    firma_loop_unwatch_child(child);
    free(child);
}

static bool still_watched(const struct firma_loop *loop, const struct loop_child *child)
{
    const struct loop_child *at = loop->children;
    while (at != NULL && at != child)
        at = at->next;
    return at != NULL;
}

/* A child somebody else reaped is reported with status -1 rather than never. */
static void report_end(struct loop_child *child, int status)
{
    void (*handler)(void *, pid_t, int) = child->handler;
    void *context = child->context;
    pid_t pid = child->pid;
    forget_child(child);
    handler(context, pid, status);
}

void firma_loop_collect(struct loop_child *child)
{
    const struct firma_loop *loop = child->loop;
    int flags = WNOHANG | (child->untraced ? WUNTRACED | WCONTINUED : 0);
    do {
        int status = 0;
        pid_t pid = waitpid(child->pid, &status, flags);
        if (pid == 0 || (pid < 0 && errno == EINTR))
            return;
        if (pid < 0 || WIFEXITED(status) || WIFSIGNALED(status)) {
            report_end(child, pid < 0 ? -1 : status);
            return;
        }
        child->handler(child->context, child->pid, status);
    } while (still_watched(loop, child));
}

/* A handler may watch new children or end the loop: start over after each one collected. */
void firma_loop_collect_all(struct firma_loop *loop)
{
    struct loop_child *child = loop->children;
    while (child != NULL) {
        struct loop_child *next = child->next;
        firma_loop_collect(child);
        child = next != NULL && still_watched(loop, next) ? next : NULL;
    }
}

static void settle(void *context)
{
    firma_loop_collect(context);
}

int firma_loop_child(struct firma_loop *loop, pid_t child, bool untraced,
                     void (*handler)(void *context, pid_t child, int status), void *context,
                     struct firma_error *err)
{
    struct loop_child *made = calloc(1, sizeof *made);
    if (made == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "cannot watch child %ld", (long)child);
    *made = (struct loop_child){.loop = loop,
                                .pid = child,
                                .untraced = untraced,
                                .handler = handler,
                                .context = context,
                                .end = {.fd = -1},
                                .settle = {.fire = settle, .context = made}};
    int rc = firma_loop_watch_child(made, err);
    if (rc != 0) {
        free(made);
        return rc;
    }
    made->next = loop->children;
    loop->children = made;
    firma_loop_arm(loop, &made->settle, 0);
    return 0;
}

void firma_loop_free_children(struct firma_loop *loop)
{
    while (loop->children != NULL)
        forget_child(loop->children);
}
