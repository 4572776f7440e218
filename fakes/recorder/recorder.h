/*
 * recorder.h - the parts of recorder-runner: each records one aspect of how the runner was started.
 *
 * Every function returns a new jansson value and never fails: what cannot be read is recorded as
 * null or as an `error` text, for the suite to judge. Nothing here asserts anything.
 */
#ifndef FAKE_RECORDER_H
#define FAKE_RECORDER_H

#include <jansson.h>
#include <stddef.h>

/* text.c: any bytes as a JSON string. A byte that is not printable ASCII, and the backslash,
 * becomes \xHH, so that the bytes can be had back whatever they were. NULL is null. */
json_t *fake_text(const char *bytes, size_t length);
json_t *fake_string(const char *string);
/* The file NAME in DIR as such a string, at most 4 MiB; null if it cannot be read. */
json_t *fake_file(int dir, const char *name);

/* process.c */
json_t *fake_arguments(char **argv);
json_t *fake_environment(void);
json_t *fake_process(void);
json_t *fake_limits(void);

/* signals.c: which signals are blocked and which ignored, as arrays of numbers. */
json_t *fake_signals(void);

/* descriptors.c: [{fd, type, target, cloexec}] of every open one. */
json_t *fake_descriptors(void);

/* custody.c: lstat of the contract, of its directory and the other entries there, of each parent.
 */
json_t *fake_custody(const char *contract_path);

#endif
