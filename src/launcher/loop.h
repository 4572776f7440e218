/*
 * loop.h - one thread, one event loop: sockets, timers, signals and children.
 *
 * epoll behind it on Linux (loop_epoll_linux.c), kqueue elsewhere (loop_kqueue.c). Callbacks run
 * one at a time from firma_loop_run(); a callback may watch, unwatch and free any watcher, its own
 * included. Watchers are embedded in the caller's objects and borrowed by the loop until they are
 * unwatched.
 */
#ifndef FIRMA_LOOP_H
#define FIRMA_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "firma_run.h"

enum { FIRMA_READ = 1, FIRMA_WRITE = 2 };

struct firma_loop;

/* A descriptor watched for FIRMA_READ and/or FIRMA_WRITE, level-triggered. Hang-up and error are
 * reported as every event asked for, so that the next read() or write() tells. */
struct firma_watch {
    int fd;
    unsigned events;
    void (*ready)(void *context, unsigned events);
    void *context;
    bool active; /* the loop's own */
};

/* A one-shot timer. From `deadline` (CLOCK_MONOTONIC, milliseconds) on all is the loop's own. */
struct firma_timer {
    void (*fire)(void *context);
    void *context;
    uint64_t deadline;
    struct firma_timer *next, **link;
    bool active;
};

/* Who sent a signal: `from_kernel` is true where the system can tell that the kernel (a terminal)
 * sent it; `sender` is a pid or 0 when unknown. */
struct firma_signal {
    int number;
    bool from_kernel;
    pid_t sender;
};

int firma_loop_open(struct firma_loop **out, struct firma_error *err);
void firma_loop_close(struct firma_loop *loop);

/* Starts watching, or applies a changed `events`. FIRMA_E_SYSTEM on failure. */
int firma_loop_watch(struct firma_loop *loop, struct firma_watch *watch, struct firma_error *err);
/* Stops watching; harmless on an inactive watch. Call it before close(watch->fd). */
void firma_loop_unwatch(struct firma_loop *loop, struct firma_watch *watch);

/* (Re)arms TIMER to fire once, DELAY_MS milliseconds from now. */
void firma_loop_arm(struct firma_loop *loop, struct firma_timer *timer, uint64_t delay_ms);
/* The same, unless it is armed already and fires before: for who looks, when it does, whether the
 * time has come, and arms again for what is left. */
void firma_loop_arm_latest(struct firma_loop *loop, struct firma_timer *timer, uint64_t delay_ms);
void firma_loop_disarm(struct firma_loop *loop, struct firma_timer *timer);

/* Delivers every signal of SET (already blocked by the caller) to HANDLER. Once per loop. */
int firma_loop_signals(struct firma_loop *loop, const sigset_t *set,
                       void (*handler)(void *context, const struct firma_signal *signal),
                       void *context, struct firma_error *err);

/* Calls HANDLER once with the raw wait status when CHILD ends; the loop reaps it. Several children
 * may be watched at once. With UNTRACED, stops and continues are reported too (WUNTRACED |
 * WCONTINUED statuses), and the watch goes on until the child ends; SIGCHLD is then blocked in the
 * calling thread. A child that somebody else reaped is reported with status -1. */
int firma_loop_child(struct firma_loop *loop, pid_t child, bool untraced,
                     void (*handler)(void *context, pid_t child, int status), void *context,
                     struct firma_error *err);

/* Runs callbacks until firma_loop_stop() is called from one of them. */
int firma_loop_run(struct firma_loop *loop, struct firma_error *err);
void firma_loop_stop(struct firma_loop *loop);

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t firma_loop_now(void);

#endif
