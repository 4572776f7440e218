/* loop_private.h - what the parts of the loop share; nobody else includes it. */
#ifndef FIRMA_LOOP_PRIVATE_H
#define FIRMA_LOOP_PRIVATE_H

#include "launcher/loop.h"

enum { LOOP_BATCH = 64 };

/* One watched child; freed once its end was reported. */
struct loop_child {
    struct loop_child *next;
    struct firma_loop *loop;
    pid_t pid;
    bool untraced;
    void (*handler)(void *context, pid_t child, int status);
    void *context;
    struct firma_watch end;    /* Linux: a pidfd */
    struct firma_timer settle; /* looks once for what happened before we watched */
};

struct firma_loop {
    int queue; /* the epoll or kqueue descriptor */
    bool stopped;
    struct firma_timer *timers; /* sorted by deadline */
    struct loop_child *children;
    /* Watchers of the batch being dispatched; an unwatch clears its slots, so that a callback may
     * free any watcher although the kernel already reported it. */
    struct firma_watch *batch[LOOP_BATCH];
    int batch_used;
    void (*signal_handler)(void *context, const struct firma_signal *signal);
    void *signal_context;
    struct firma_watch signals;       /* Linux: a signalfd */
    struct firma_watch child_signals; /* Linux: a signalfd for SIGCHLD, opened when needed */
    bool sees_child_signals;
};

/* loop_timer.c. Fires what is due; returns the milliseconds until the next deadline, -1 for none.
 */
int firma_loop_run_timers(struct firma_loop *loop);

/* loop_child.c */
void firma_loop_collect(struct loop_child *child);
void firma_loop_collect_all(struct firma_loop *loop);
void firma_loop_free_children(struct firma_loop *loop);

/* The system's part (loop_epoll_linux.c, loop_signal_linux.c, or loop_kqueue.c). */
int firma_loop_wait(struct firma_loop *loop, int timeout_ms, struct firma_error *err);
int firma_loop_watch_child(struct loop_child *child, struct firma_error *err);
void firma_loop_unwatch_child(struct loop_child *child);
void firma_loop_close_signals(struct firma_loop *loop);

/* loop.c. Clears WATCH from the batch being dispatched. */
void firma_loop_forget(struct firma_loop *loop, const struct firma_watch *watch);

#endif
