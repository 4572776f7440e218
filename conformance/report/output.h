/* output.h - one function for each file that cf_report_write() makes. RESULT has been cleaned. */
#ifndef CF_REPORT_OUTPUT_H
#define CF_REPORT_OUTPUT_H

#include <jansson.h>

#include "base/error.h"

int cf_output_conformance(int dir, const json_t *result, struct cf_error *err);
int cf_output_junit(int dir, const json_t *result, struct cf_error *err);
/* NOTES: what was left out of events.jsonl and capture.pcap. */
int cf_output_summary(int dir, const json_t *result, const json_t *notes, struct cf_error *err);
/* The score of the matrix beside the run in DIR (../matrix.json), if it was one of the register of
 * REGISTER_SHA256; NULL when there is none. The caller frees it. */
char *cf_output_matrix_score(int dir, const char *register_sha256);
/* Both append to NOTES; NOTES also end events.jsonl, so the capture comes first. */
int cf_output_capture(int dir, json_t *notes, struct cf_error *err);
int cf_output_events(int dir, json_t *notes, struct cf_error *err);

#endif
