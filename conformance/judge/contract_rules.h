/*
 * contract_rules.h - the suite's own reading of what a launcher hands to a runner.
 *
 * RECORD is what the recorder wrote (fakes/recorder). Nothing here asks the product's reader or
 * writer: the field table and the canonical form are written down a second time, on purpose.
 */
#ifndef CF_CONTRACT_RULES_H
#define CF_CONTRACT_RULES_H

#include "judge/compare.h"

/* The value at a path such as "network.proxy_url", or NULL; borrowed. */
const json_t *cf_contract_at(const json_t *record, const char *path);
/* The string there, or "". */
const char *cf_contract_text(const json_t *record, const char *path);
/* The contract's bytes as recorded; the caller's to free. NULL when there are none. */
char *cf_contract_bytes(const json_t *record, size_t *length);
/* The contract, parsed. New reference; NULL when it is not JSON or has a key twice. */
json_t *cf_contract_parse(const json_t *record);

/* An object of the contract: its keys in order, "" for a map with free keys, sorted by byte. For a
 * list, the shape of its members. NULL for a path that is neither. */
struct cf_shape {
    const char *path;
    const char *keys;
};
extern const struct cf_shape cf_contract_shapes[]; /* ends with a NULL path */
const char *cf_contract_keys(const char *path);

cf_rule cf_contract_fields_are_right;    /* contract_fields.c */
cf_rule cf_contract_bytes_are_canonical; /* contract_bytes.c */

#endif
