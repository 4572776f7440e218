/* contract_json.h - what the writer and the reader of the JSON text share. */
#ifndef FIRMA_CONTRACT_JSON_H
#define FIRMA_CONTRACT_JSON_H

#include <stddef.h>

#include "contract/trail.h"

/* The contract's words, indexed by enum firma_identity_mode and enum firma_invariant_mode. */
extern const char *const firma_identity_words[2];
extern const char *const firma_mode_words[2];

/* Walks the JSON in TEXT up to byte POSITION and leaves TRAIL at the field found there: how a
 * parser's byte offset becomes a field name. What stands before POSITION was accepted by the
 * parser. Nesting beyond a contract's own is not recorded. */
void firma_json_locate(const char *text, size_t position, struct firma_trail *trail);

#endif
