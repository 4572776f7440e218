/*
 * events.h - the runner's few lines around epoll(7).
 *
 * One event is taken at a time, so that a callback may drop and free any watch, its own included,
 * without leaving a stale pointer in a batch.
 */
#ifndef FIRMA_NS_EVENTS_H
#define FIRMA_NS_EVENTS_H

#include <stdint.h>

#include "firma_run.h"

/* Embedded in the caller's object. `interest`: EPOLLIN, EPOLLOUT; 0 means not watched at all, which
 * also silences the hang-ups that epoll reports unasked. */
struct firma_ns_watch {
    int fd;
    uint32_t interest;
    void (*ready)(void *context, uint32_t events);
    void *context;
};

/* Returns an epoll descriptor (caller's). */
int firma_ns_events_open(struct firma_error *err);

/* Changes what WATCH waits for, from WATCH->interest to INTEREST. -1 and errno on failure. */
int firma_ns_events_set(int events, struct firma_ns_watch *watch, uint32_t interest);

/* Waits at most TIMEOUT_MS (-1: for ever) and runs at most one callback. Returns 1 if it did, 0
 * when the time passed or a signal came, or FIRMA_E_SYSTEM. */
int firma_ns_events_turn(int events, int timeout_ms, struct firma_error *err);

#endif
