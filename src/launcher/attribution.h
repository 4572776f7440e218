/* attribution.h - the x-firma-* headers that say for whom a request is made. */
#ifndef FIRMA_ATTRIBUTION_H
#define FIRMA_ATTRIBUTION_H

#include "firma_contract.h"

/* Sets the headers of CONTRACT, whose sandbox_id is set: -sandbox-id, -session-id
 * (FIRMA_RUN_SESSION_ID), -profile, -agent, -user (USER, else "unknown"). One without value is left
 * out. A control character is refused (a line break would make a second header): FIRMA_E_CONFIG
 * names the variable or option. */
int firma_attribution_build(struct firma_contract *contract,
                            const struct firma_run_options *options, struct firma_error *err);

#endif
