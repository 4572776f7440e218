/* loop_epoll_linux.c - descriptors through epoll(7), level-triggered. */
#include "launcher/loop_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

int firma_loop_open(struct firma_loop **out, struct firma_error *err)
{
    struct firma_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "event loop");
    loop->signals.fd = -1;
    loop->child_signals.fd = -1;
    loop->queue = epoll_create1(EPOLL_CLOEXEC);
    if (loop->queue < 0) {
        int errnum = errno;
        free(loop);
        return firma_fail(err, FIRMA_E_SYSTEM, errnum, "epoll_create1");
    }
    *out = loop;
    return 0;
}

void firma_loop_close(struct firma_loop *loop)
{
    if (loop == NULL)
        return;
    firma_loop_free_children(loop);
    firma_loop_close_signals(loop);
    close(loop->queue);
    free(loop);
}

/* epoll reports hang-up and error even to a watch that asks for nothing, which would spin: such a
 * watch leaves the set until it asks again. */
int firma_loop_watch(struct firma_loop *loop, struct firma_watch *watch, struct firma_error *err)
{
    struct epoll_event event = {.data.ptr = watch};
    event.events = ((watch->events & FIRMA_READ) ? (uint32_t)EPOLLIN : 0) |
                   ((watch->events & FIRMA_WRITE) ? (uint32_t)EPOLLOUT : 0);
    int rc = 0;
    if (watch->events == 0) {
        if (watch->active)
            epoll_ctl(loop->queue, EPOLL_CTL_DEL, watch->fd, NULL);
    } else {
        rc = epoll_ctl(loop->queue, watch->active ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd,
                       &event);
        if (rc != 0 && watch->active && errno == ENOENT)
            rc = epoll_ctl(loop->queue, EPOLL_CTL_ADD, watch->fd, &event);
    }
    if (rc != 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot watch descriptor %d", watch->fd);
    watch->active = true;
    return 0;
}

void firma_loop_unwatch(struct firma_loop *loop, struct firma_watch *watch)
{
    if (!watch->active)
        return;
    epoll_ctl(loop->queue, EPOLL_CTL_DEL, watch->fd, NULL);
    firma_loop_forget(loop, watch);
    watch->active = false;
}

static void dispatch(struct firma_watch *watch, uint32_t got)
{
    unsigned events = ((got & EPOLLIN) ? FIRMA_READ : 0u) | ((got & EPOLLOUT) ? FIRMA_WRITE : 0u);
    if (got & (EPOLLERR | EPOLLHUP))
        events = FIRMA_READ | FIRMA_WRITE;
    events &= watch->events; /* an earlier callback of this batch may have asked for less */
    if (events != 0)
        watch->ready(watch->context, events);
}

int firma_loop_wait(struct firma_loop *loop, int timeout_ms, struct firma_error *err)
{
    struct epoll_event events[LOOP_BATCH];
    int count = epoll_wait(loop->queue, events, LOOP_BATCH, timeout_ms);
    if (count < 0)
        return errno == EINTR ? 0 : firma_fail(err, FIRMA_E_SYSTEM, errno, "epoll_wait");
    for (int i = 0; i < count; i++)
        loop->batch[i] = events[i].data.ptr;
    loop->batch_used = count;
    for (int i = 0; i < count && !loop->stopped; i++)
        if (loop->batch[i] != NULL)
            dispatch(loop->batch[i], events[i].events);
    loop->batch_used = 0;
    return 0;
}
