/*
 * events.h - an observer's log: one JSON object a line, numbered, timed, closed by count and hash.
 *
 * The first record is {"seq":0,…,"event":"open"}, the last {"event":"close","records":N,"sha256":H}
 * where N counts the records before it and H is the SHA-256 of every byte before its line. A log
 * without its close record belongs to an observer that died. One write(2) per record, to a
 * descriptor opened O_APPEND, so a killed observer leaves whole lines only.
 */
#ifndef CF_EVENTS_H
#define CF_EVENTS_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

struct cf_events;

/* Takes ownership of FD; OBSERVER names the writer in each record. Writes the open record. */
int cf_events_open(struct cf_events **out, int fd, const char *observer, struct cf_error *err);
/* Appends a record {"seq","t","observer","event",…FIELDS}. Steals FIELDS (NULL for none); `t` is
 * CLOCK_MONOTONIC in nanoseconds. After a write failure every later call fails, and so does close.
 */
int cf_events_emit(struct cf_events *events, const char *event, json_t *fields);
/* Writes the close record, closes the descriptor, frees EVENTS. Harmless on NULL. */
int cf_events_close(struct cf_events *events);

/* DATA as a bounded escaped JSON string (escape.h): at most MAX bytes are kept. New reference. */
json_t *cf_events_data(const void *data, size_t length, size_t max);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t cf_now(void);

#endif
