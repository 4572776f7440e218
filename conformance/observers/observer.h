/*
 * observer.h - what the observers have in common: a log, a way to say "ready", a way to be ended.
 *
 * An observer is a process of its own. It writes "+" to `ready_fd` once it hears everything it is
 * there to hear (or "-" and one line why it cannot), stores records until `stop_fd` reaches its end
 * of file, then writes the close record and exits 0. After each stored record it adds to `tick_fd`
 * (an eventfd, or a pipe's write end), so that a reader of the evidence never has to look twice.
 *
 *     struct cf_observer io = {.log_fd = log, .ready_fd = ready, .stop_fd = stop, .tick_fd = tick};
 *     _exit(cf_capture_run(&io, pcap, "veth1", &err) == 0 ? 0 : 1);
 */
#ifndef CF_OBSERVER_H
#define CF_OBSERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/events.h"

/* The longest run of bytes in one record, and in all records of one connection together. */
enum { CF_OBSERVED_RECORD = 4096, CF_OBSERVED_CONNECTION = 65536 };

/* The descriptors are the caller's; log_fd is taken over by the run function. */
struct cf_observer {
    int log_fd;
    int ready_fd;
    int stop_fd;
    int tick_fd; /* -1: nobody waits */
    struct cf_events *events;
};

/* Opens the log as observer NAME. */
int cf_observer_open(struct cf_observer *io, const char *name, struct cf_error *err);
/* Says "ready". */
void cf_observer_ready(struct cf_observer *io);
/* Says why not, and returns -ERR->code. */
int cf_observer_unready(struct cf_observer *io, const struct cf_error *err);
/* Stores a record (steals FIELDS) and ticks. */
void cf_observer_emit(struct cf_observer *io, const char *event, json_t *fields);
void cf_observer_tick(const struct cf_observer *io);
/* Close record; -CF_E_SYSTEM when a record could not be stored. */
int cf_observer_close(struct cf_observer *io, struct cf_error *err);

/* Writes every frame of INTERFACE to PCAP_FD (taken over) as it comes, and at the end the record
 * `stats` {frames, drops, ifdrops}. pcap(3PCAP). */
int cf_capture_run(struct cf_observer *io, int pcap_fd, const char *interface,
                   struct cf_error *err);

/* The catch-all of the `internet` namespace: records tcp-open, tcp-data, tcp-close, udp, totals. */
struct cf_canary_config {
    unsigned short port;    /* where tproxy sends everything */
    const char *sidecar[2]; /* source addresses that mean via:"sidecar" */
    const char *veth[2];    /* source addresses that mean via:"veth" */
};
int cf_canary_run(struct cf_observer *io, const struct cf_canary_config *config,
                  struct cf_error *err);

/* A bound socket that nobody should ever talk to; streams are listening already. */
struct cf_honeypot {
    char name[96]; /* as it stands in the records */
    int fd;
    bool stream;
    bool curt; /* hangs up on what it was told instead of staying silent */
};
/* Records honeypot-open {socket, conn} and honeypot {socket, conn, data}; answers nothing. */
int cf_honeypots_run(struct cf_observer *io, const struct cf_honeypot *pots, size_t count,
                     struct cf_error *err);

#endif
