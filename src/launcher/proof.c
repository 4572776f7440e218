#include "launcher/proof.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "contract/json_memory.h"

static const char required[] =
    "required of the runner by launch contract version 1: sidecar_only_egress, dns_confined, "
    "fail_closed_startup, fail_closed_runtime, direct_bypass_resistant, "
    "preserve_stdio_signals_exit; whether it does so is for the conformance suite to show. "
    "Checked before the spawn: flags, artifacts, mounts, sidecar answering, bridge and DNS stub "
    "listening, contract written. Residuals: guest images travel by path in contract version 1, "
    "pinning them is the runner's duty";

#if defined(__linux__)
static const char platform[] =
    "; if launcher and guardian are killed at one stroke, a process the runner detached may "
    "outlive them";
#else
static const char platform[] =
    "; the runner is compared with what was validated and then executed by path; the peers of "
    "bridge and DNS stub are not held against the launcher's user; a process that left the "
    "runner's process group may outlive it";
#endif

static const char script[] =
    "; the runner is an interpreted file: it is compared with what was validated and then executed "
    "by path, and its interpreter is not validated";

int firma_proof_build(char **out, const struct firma_artifact *runner, struct firma_error *err)
{
    char detail[sizeof required + sizeof platform + sizeof script];
    snprintf(detail, sizeof detail, "%s%s%s", required, platform, runner->is_script ? script : "");
    firma_json_watch();
    json_t *proof =
        json_pack("{s:s, s:b, s:b, s:s, s:s}", "backend", "vz", "structural", 1, "fail_closed", 1,
                  "detail", detail, "network_confinement", "macos_vz_guest");
    char *text = proof != NULL ? json_dumps(proof, JSON_COMPACT) : NULL;
    json_decref(proof);
    if (text == NULL || firma_json_starved()) {
        free(text);
        return firma_fail(err, FIRMA_E_MEMORY, 0, "proof");
    }
    *out = text;
    return 0;
}
