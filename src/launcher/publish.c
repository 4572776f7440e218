/* The steps of a launch that others can see: services, runtime directory, contract, proof. */
#include "launcher/launch.h"

#include <stdlib.h>
#include <unistd.h>

#include "launcher/fds.h"
#include "launcher/guest_env.h"
#include "launcher/proof.h"
#include "launcher/status.h"

static void log_line(void *context, const char *line)
{
    firma_log_request(context, line);
}

static int copy_headers(struct firma_launch *launch, struct firma_error *err)
{
    const struct firma_contract *contract = &launch->contract;
    launch->headers = calloc(contract->header_count, sizeof *launch->headers);
    if (launch->headers == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "attribution headers");
    for (size_t i = 0; i < contract->header_count; i++)
        launch->headers[i] =
            (struct firma_header){contract->headers[i].name, contract->headers[i].value};
    return 0;
}

/* Only as many connections as there may be descriptors: one that found none for its way to the
 * sidecar would be told that there is no sidecar. */
static unsigned connections(void)
{
    size_t limit = firma_fds_limit();
    if (limit >= FIRMA_LAUNCH_DESCRIPTORS + FIRMA_BRIDGE_DESCRIPTORS)
        return FIRMA_BRIDGE_CONNECTIONS;
    return limit > FIRMA_LAUNCH_DESCRIPTORS + 2 ? (unsigned)(limit - FIRMA_LAUNCH_DESCRIPTORS) / 2
                                                : 1;
}

int firma_publish_services(struct firma_launch *launch, struct firma_error *err)
{
    int result = copy_headers(launch, err);
    if (result < 0)
        return result;
    struct firma_bridge_config config = {.sidecar = &launch->sidecar,
                                         .headers = launch->headers,
                                         .header_count = launch->contract.header_count,
                                         .owner = geteuid(),
                                         .log = launch->log.fd >= 0 ? log_line : NULL,
                                         .log_context = &launch->log,
                                         .limits = {.connections = connections()}};
    result = firma_bridge_open(&launch->bridge, launch->loop, &config, err);
    if (result == 0)
        result = firma_dns_stub_open(&launch->stub, launch->loop, geteuid(), err);
    if (result == 0)
        result = firma_guest_env_ours(&launch->contract, &launch->options,
                                      firma_bridge_port(launch->bridge),
                                      firma_dns_stub_port(launch->stub), err);
    return result;
}

int firma_publish_contract(struct firma_launch *launch, struct firma_error *err)
{
    size_t length;
    int result =
        firma_runtime_dir_create(&launch->dir, &launch->root, launch->contract.sandbox_id, err);
    if (result < 0)
        return result;
    launch->has_dir = true;
    result = firma_contract_write(launch->dir.fd, &launch->contract, err);
    if (result == 0)
        result = firma_contract_encode(&launch->contract, &launch->contract_text, &length, err);
    return result;
}

int firma_publish_proof(struct firma_launch *launch, struct firma_error *err)
{
    int result = firma_proof_build(&launch->proof, &launch->artifacts[FIRMA_RUNNER], err);
    if (result == 0)
        result = firma_runtime_dir_write(&launch->dir, FIRMA_PROOF_FILE, launch->proof, err);
    if (result < 0)
        return result;
    return firma_status_proof(launch->options.status_fd, launch->contract.sandbox_id,
                              launch->contract.runtime_dir, launch->proof, err);
}
