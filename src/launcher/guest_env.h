/*
 * guest_env.h - the guest's whole environment, in layers: a later one wins, except that the last is
 * ours alone and a caller who names one of its variables is refused.
 *
 *   defaults    PATH, HOME=/tmp (the guest's own; nothing of the host's home is there), TERM as in
 *               the launcher's environment (else "dumb"), LANG=C.UTF-8
 *   --env       in order
 *   --pass-env  copied from the launcher's environment; one that is unset there is refused
 *   ours        proxies, DNS stub, sandbox, session, profile, agent
 */
#ifndef FIRMA_GUEST_ENV_H
#define FIRMA_GUEST_ENV_H

#include <stdint.h>

#include "firma_contract.h"

/* All but the last layer. FIRMA_E_CONFIG names the option at fault; never a value. */
int firma_guest_env_base(struct firma_contract *contract, const struct firma_run_options *options,
                         struct firma_error *err);

/* The last layer, with proxy_url and dns_stub_addr: both services are at 127.0.0.1. May be called
 * again with other ports. */
int firma_guest_env_ours(struct firma_contract *contract, const struct firma_run_options *options,
                         uint16_t proxy_port, uint16_t dns_port, struct firma_error *err);

#endif
