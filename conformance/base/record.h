/* record.h - what was done, as JSON in a file of its own. */
#ifndef CF_RECORD_H
#define CF_RECORD_H

#include <jansson.h>

#include "base/error.h"

/* Writes VALUE, borrowed, to DIRECTORY/NAME, in one step: what stood there stands until the new one
 * is whole. CF_E_SYSTEM when it cannot be written. */
int cf_record_write(const char *directory, const char *name, const json_t *value,
                    struct cf_error *err);

#endif
