/* proof.h - what the launcher can vouch for once everything before the spawn has succeeded. */
#ifndef FIRMA_PROOF_H
#define FIRMA_PROOF_H

#include "launcher/artifact.h"

#define FIRMA_PROOF_FILE "enforcement-proof.json"

/* The proof as one line of JSON, malloc'd. It states what was required of the runner, and every
 * declared residual; whether the runner does it is not the launcher's to say. FIRMA_E_MEMORY. */
int firma_proof_build(char **out, const struct firma_artifact *runner, struct firma_error *err);

#endif
