/* flags.h - what the operator's environment variables say about the mode. */
#ifndef FIRMA_FLAGS_H
#define FIRMA_FLAGS_H

#include <stdbool.h>

#include "firma_run.h"

/* The value of NAME in ENVIRONMENT ("K=V" strings, NULL-terminated), borrowed; NULL if unset. */
const char *firma_environment_get(char *const *environment, const char *name);

/* Reads flag NAME with the value TEXT (NULL: unset). True: 1 true yes on; false: unset, empty, 0
 * false no off; trimmed, any case. Anything else is FIRMA_E_CONFIG, never a silent "no". */
int firma_flag_parse(const char *name, const char *text, bool *out, struct firma_error *err);

/* Requires guest mode: FIRMA_E_CONFIG for no mode, for the mode that is not built, and for a
 * sandbox id chosen by the caller. */
int firma_flags_require_guest(char *const *environment, struct firma_error *err);

#endif
