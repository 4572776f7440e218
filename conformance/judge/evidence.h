/*
 * evidence.h - one launch's bundle, read back and checked before anything is judged.
 *
 * A bundle is `launch.json` (the plan, what was run, and the digest of every other file) beside the
 * folders `control` and `subject` with one log per observer and the capture. Everything is checked
 * against launch.json, every log against its own close record: what was edited, cut, lost or taken
 * from another invocation is a problem, and a problem makes every row of the launch INCONCLUSIVE.
 */
#ifndef CF_EVIDENCE_H
#define CF_EVIDENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "plan.h"

/* One captured frame, as far as attribution needs it. */
struct cf_frame {
    unsigned number;
    char source[64], target[64]; /* "" when there is no IP header */
    uint16_t source_port, target_port;
    uint8_t protocol; /* IP protocol, 255 when there is none */
    uint16_t ethertype;
    bool harness; /* one address is a heartbeat's */
    unsigned char *bytes;
    size_t length;
};

struct cf_leg_evidence {
    json_t *logs;    /* observer name -> array of records */
    json_t *streams; /* observer name -> array of joined connections (streams.c) */
    struct cf_frame *frames;
    size_t frame_count;
    bool harness_whole; /* the harness's log is whole, so the heartbeats are known */
    char problem[256];  /* why this leg's observers cannot be relied on; "" when they can */
};

struct cf_evidence {
    char directory[1024]; /* relative to the run, for references */
    json_t *launch;
    struct cf_leg_evidence legs[CF_LEG_COUNT];
    char problem[512]; /* why nothing here may be judged; "" when it may */
};

/* What a bundle must have been made from to count for this invocation; NULL members are not asked.
 */
struct cf_expected {
    const char *invocation;
    const char *register_sha256;
    const char *subject_sha256;
    const char *launcher_sha256;
};

/* Loads RUN_DIR/launches/NAME. A bundle that cannot be relied on still loads, with its `problem`
 * said; only a caller's mistake or lack of memory fails. cf_evidence_release() frees. */
int cf_evidence_load(struct cf_evidence *evidence, const char *run_dir, const char *name,
                     const struct cf_expected *expected, struct cf_error *err);
void cf_evidence_release(struct cf_evidence *evidence);

/* The records of an observer, or NULL. Borrowed. */
json_t *cf_evidence_log(const struct cf_evidence *evidence, enum cf_leg leg, const char *observer);
/* The first record of the harness's log with this event (and, unless KEY is NULL, KEY == VALUE). */
json_t *cf_evidence_harness(const struct cf_evidence *evidence, enum cf_leg leg, const char *event,
                            const char *key, const char *value);

/* Every connection of RECORDS as one record with all its data. New reference. */
json_t *cf_streams_join(const json_t *records);
/* frames.c: reads PATH into LEG; heartbeat addresses come from the harness's log. */
int cf_frames_load(struct cf_leg_evidence *leg, const char *path, struct cf_error *err);

#endif
