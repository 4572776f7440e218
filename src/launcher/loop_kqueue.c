/*
 * loop_kqueue.c - descriptors, signals and children through kqueue(2).
 *
 * EVFILT_SIGNAL counts a signal although it is blocked, and takes nothing off the process: the
 * blocked signal also stays pending, which is harmless because nothing here unblocks it. The system
 * does not say who sent it. Children are noticed through SIGCHLD, ends and stops alike.
 */
#include "launcher/loop_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/event.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

int firma_loop_open(struct firma_loop **out, struct firma_error *err)
{
    struct firma_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "event loop");
    loop->signals.fd = -1;
    loop->child_signals.fd = -1;
    loop->queue = kqueue();
    if (loop->queue < 0 || fcntl(loop->queue, F_SETFD, FD_CLOEXEC) != 0) {
        int errnum = errno;
        if (loop->queue >= 0)
            close(loop->queue);
        free(loop);
        return firma_fail(err, FIRMA_E_SYSTEM, errnum, "kqueue");
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

static int change(struct firma_loop *loop, uintptr_t ident, short filter, unsigned short flags,
                  void *udata)
{
    struct kevent event;
    EV_SET(&event, ident, filter, flags, 0, 0, udata);
    return kevent(loop->queue, &event, 1, NULL, 0, NULL);
}

static int set_filter(struct firma_loop *loop, struct firma_watch *watch, short filter, bool on)
{
    if (on)
        return change(loop, (uintptr_t)watch->fd, filter, EV_ADD, watch);
    if (watch->active)
        change(loop, (uintptr_t)watch->fd, filter, EV_DELETE, watch); /* ENOENT: was not there */
    return 0;
}

int firma_loop_watch(struct firma_loop *loop, struct firma_watch *watch, struct firma_error *err)
{
    if (set_filter(loop, watch, EVFILT_READ, watch->events & FIRMA_READ) != 0 ||
        set_filter(loop, watch, EVFILT_WRITE, watch->events & FIRMA_WRITE) != 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot watch descriptor %d", watch->fd);
    watch->active = true;
    return 0;
}

void firma_loop_unwatch(struct firma_loop *loop, struct firma_watch *watch)
{
    if (!watch->active)
        return;
    set_filter(loop, watch, EVFILT_READ, false);
    set_filter(loop, watch, EVFILT_WRITE, false);
    firma_loop_forget(loop, watch);
    watch->active = false;
}

static int count_signal(struct firma_loop *loop, int number, struct firma_error *err)
{
    if (change(loop, (uintptr_t)number, EVFILT_SIGNAL, EV_ADD, NULL) != 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot watch signal %d", number);
    return 0;
}

int firma_loop_signals(struct firma_loop *loop, const sigset_t *set,
                       void (*handler)(void *context, const struct firma_signal *signal),
                       void *context, struct firma_error *err)
{
    loop->signal_handler = handler;
    loop->signal_context = context;
    for (int number = 1; number < NSIG; number++) {
        int rc = sigismember(set, number) == 1 ? count_signal(loop, number, err) : 0;
        if (rc != 0)
            return rc;
    }
    return 0;
}

int firma_loop_watch_child(struct loop_child *child, struct firma_error *err)
{
    if (child->loop->sees_child_signals)
        return 0;
    int rc = count_signal(child->loop, SIGCHLD, err);
    child->loop->sees_child_signals = rc == 0;
    return rc;
}

void firma_loop_unwatch_child(struct loop_child *child)
{
    (void)child;
}

void firma_loop_close_signals(struct firma_loop *loop)
{
    (void)loop; /* they go with the kqueue */
}

static void signal_arrived(struct firma_loop *loop, int number)
{
    if (number == SIGCHLD && loop->sees_child_signals) {
        firma_loop_collect_all(loop);
        return;
    }
    struct firma_signal signal = {.number = number};
    if (loop->signal_handler != NULL)
        loop->signal_handler(loop->signal_context, &signal);
}

static void dispatch(struct firma_loop *loop, int slot, const struct kevent *event)
{
    if (event->filter == EVFILT_SIGNAL) {
        signal_arrived(loop, (int)event->ident);
        return;
    }
    struct firma_watch *watch = loop->batch[slot];
    if (watch == NULL)
        return;
    unsigned events = event->filter == EVFILT_READ ? FIRMA_READ : FIRMA_WRITE;
    if (events & watch->events)
        watch->ready(watch->context, events);
}

int firma_loop_wait(struct firma_loop *loop, int timeout_ms, struct firma_error *err)
{
    struct kevent events[LOOP_BATCH];
    struct timespec limit = {timeout_ms / 1000, (timeout_ms % 1000) * 1000000L};
    int count = kevent(loop->queue, NULL, 0, events, LOOP_BATCH, timeout_ms < 0 ? NULL : &limit);
    if (count < 0)
        return errno == EINTR ? 0 : firma_fail(err, FIRMA_E_SYSTEM, errno, "kevent");
    for (int i = 0; i < count; i++)
        loop->batch[i] = events[i].filter == EVFILT_SIGNAL ? NULL : events[i].udata;
    loop->batch_used = count;
    for (int i = 0; i < count && !loop->stopped; i++)
        dispatch(loop, i, &events[i]);
    loop->batch_used = 0;
    return 0;
}
