/*
 * bundle.h - a run directory that a test copies, reads and changes.
 *
 * A change can be made clumsily (the bytes of a file, nothing else) or so that every digest fits
 * again: bundle_write_log() closes the log anew and bundle_seal() renews launch.json and run.json.
 * Every function fails the running test when it cannot do its work. FILE is relative to the run.
 */
#ifndef CF_BUNDLE_H
#define CF_BUNDLE_H

#include <jansson.h>
#include <stddef.h>

struct bundle {
    char dir[512]; /* the run's directory */
};

/* A new empty run directory below the system's temporary folder. */
void bundle_make(struct bundle *bundle);
/* A new directory with a copy of everything below FROM. */
void bundle_copy(struct bundle *bundle, const char *from);
/* Removes it all. */
void bundle_remove(struct bundle *bundle);
/* Makes a directory and its parents. */
void bundle_folder(const struct bundle *bundle, const char *file);

/* The content, the caller's to free, NUL-terminated; *LENGTH may be NULL. */
char *bundle_read(const struct bundle *bundle, const char *file, size_t *length);
void bundle_write(const struct bundle *bundle, const char *file, const void *data, size_t length);
void bundle_delete(const struct bundle *bundle, const char *file);
json_t *bundle_json(const struct bundle *bundle, const char *file);
void bundle_write_json(const struct bundle *bundle, const char *file, json_t *steals);

/* The records of a log, close record left out. New reference. */
json_t *bundle_log(const struct bundle *bundle, const char *file);
/* Numbers the records anew, closes the log, writes it. Steals RECORDS. */
void bundle_write_log(const struct bundle *bundle, const char *file, json_t *records);
/* The first record with EVENT (and KEY == VALUE unless KEY is NULL); fails the test without one.
 * *INDEX may be NULL. Borrowed. */
json_t *bundle_record(json_t *records, const char *event, const char *key, const char *value,
                      size_t *index);
/* Appends a record {"observer","event",…FIELDS}, steals FIELDS. */
void bundle_add_record(json_t *records, const char *observer, const char *event, json_t *fields);

/* Makes every digest of LAUNCH fit what stands on disk now. */
void bundle_seal(const struct bundle *bundle, const char *launch);

/* Appends an Ethernet frame to a capture; the file is made when there is none. */
void bundle_add_frame(const struct bundle *bundle, const char *file, const void *bytes,
                      size_t length);
/* An Ethernet frame with an IPv4 UDP datagram or (PROTOCOL 6) a SYN; the length written. */
size_t bundle_frame4(unsigned char *out, const char *source, const char *target, int protocol,
                     unsigned source_port, unsigned target_port, const char *payload);

/* Judges the run: the result, a new reference; a test fails when the directory is no run. */
json_t *bundle_judge(const struct bundle *bundle);
/* Row ID of a result, borrowed; fails the test without one. */
json_t *bundle_row(const json_t *result, const char *id);
/* Whether the row gets VERDICT for a reason that has WORD in it (in the reason, a leg that does not
 * hold or a violation); WHY tells what it got. */
int bundle_is(const struct bundle *bundle, const char *id, const char *verdict, const char *word,
              char *why, size_t size);
/* Fails the test unless bundle_is(). */
void bundle_expect(const struct bundle *bundle, const char *id, const char *verdict,
                   const char *word);

#endif
