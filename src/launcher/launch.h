/* launch.h - the state of one launch; private to the files that prepare and run it. */
#ifndef FIRMA_LAUNCH_H
#define FIRMA_LAUNCH_H

#include "firma_contract.h"
#include "launcher/artifact.h"
#include "launcher/bridge.h"
#include "launcher/dns_stub.h"
#include "launcher/guardian.h"
#include "launcher/log.h"
#include "launcher/sidecar.h"
#include "launcher/supervise.h"

/* All that a launch may have open besides the bridge's connections; the stub's are 32 of them. */
enum { FIRMA_LAUNCH_DESCRIPTORS = 96 };

struct firma_launch {
    struct firma_run_options options;
    struct firma_signals signals; /* as we were started */
    bool signals_blocked;
    int interrupted; /* the signal that ended the preparation, or 0 */
    struct firma_loop *loop;
    struct firma_log log;
    struct firma_artifact artifacts[FIRMA_ARTIFACTS];
    struct firma_artifact seccomp;
    struct firma_endpoint sidecar;
    struct firma_sidecar_question question;
    struct firma_runtime_root root;
    struct firma_contract contract;
    struct firma_header *headers; /* the contract's, borrowed, as the bridge wants them */
    struct firma_bridge *bridge;
    struct firma_dns_stub *stub;
    struct firma_runtime_dir dir;
    bool has_dir;
    char *contract_text;
    char *proof;
    struct firma_terminal terminal;
    struct firma_guardian guardian;
    struct firma_supervisor supervisor;
    size_t descriptor_limit; /* the one we came with, once it was raised; else 0 */
    bool running;
};

/* The steps of firma_launch_prepare() that only look: each fills its part of LAUNCH. */
int firma_configure_flags(struct firma_launch *launch, struct firma_error *err);
int firma_configure_artifacts(struct firma_launch *launch, struct firma_error *err);
int firma_configure_mounts(struct firma_launch *launch, struct firma_error *err);
int firma_configure_sidecar(struct firma_launch *launch, struct firma_error *err);
int firma_configure_answer(struct firma_launch *launch, struct firma_error *err);

/* The steps that leave something behind for firma_launch_close(). */
int firma_publish_services(struct firma_launch *launch, struct firma_error *err);
int firma_publish_contract(struct firma_launch *launch, struct firma_error *err);
int firma_publish_proof(struct firma_launch *launch, struct firma_error *err);

#endif
