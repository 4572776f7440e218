/*
 * script.h - plays a case's script (register/cases.def) to a running process.
 */
#ifndef CF_SCRIPT_H
#define CF_SCRIPT_H

#include "scenarios/stage.h"

/* Plays SCRIPT; returns the word at which the process stopped playing along (to be freed), or
 * NULL. MARKS, an array, gets one {"stdout","stderr"} of byte counts for each `mark`. */
char *cf_script_play(struct cf_stage *stage, struct cf_process *process, const char *script,
                     json_t *marks);

#endif
