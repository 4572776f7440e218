/*
 * status.h - `--status-fd`: what happened, as JSON lines, for whoever started the launcher.
 *
 *     {"event":"proof","sandbox_id":"…","runtime_dir":"…","proof":{…}}
 *     {"event":"started","pid":1234}
 *     {"event":"exited","code":42,"by":"command"}
 *     {"event":"exited","signal":15,"by":"command","escalated":false}
 *     {"event":"exited","code":125,"by":"launcher","error":"sidecar","message":"…"}
 *
 * A line is written whole or, if the reader does not keep up or is gone, not at all: the launcher
 * never waits for it.
 */
#ifndef FIRMA_STATUS_H
#define FIRMA_STATUS_H

#include <sys/types.h>

#include "firma_run.h"

/* Checks that FD is open and not one of 0-2 and marks it close-on-exec. FIRMA_E_CONFIG. */
int firma_status_check(int fd, struct firma_error *err);

/* FD -1 drops everything. PROOF is a JSON object. FIRMA_E_MEMORY. */
int firma_status_proof(int fd, const char *sandbox_id, const char *runtime_dir, const char *proof,
                       struct firma_error *err);
void firma_status_started(int fd, pid_t runner);
void firma_status_exited(int fd, const struct firma_exit *end);
void firma_status_failed(int fd, const struct firma_error *err);

#endif
