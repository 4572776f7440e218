/* What the operator configured, judged: the steps of a launch that change nothing. */
#include "launcher/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "contract/cleanup.h"
#include "launcher/attribution.h"
#include "launcher/flags.h"
#include "launcher/guest_env.h"
#include "launcher/mount_list.h"
#include "launcher/sidecar.h"
#include "launcher/status.h"

#define SIDECAR_VARIABLE "FIRMA_RUN_SIDECAR"

enum {
    FILTER_INSTRUCTION = 8,    /* sizeof(struct sock_filter), on every system */
    FILTER_INSTRUCTIONS = 4096 /* BPF_MAXINSNS */
};

static int set_identity(struct firma_contract *contract, const char *word, struct firma_error *err)
{
    if (word == NULL || strcmp(word, "host_user") == 0)
        contract->identity_mode = FIRMA_HOST_USER;
    else if (strcmp(word, "sandbox_user") == 0)
        contract->identity_mode = FIRMA_SANDBOX_USER;
    else
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "--identity %.64s: must be sandbox_user or host_user", word);
    return 0;
}

static int set_command(struct firma_contract *contract, char *const *command,
                       struct firma_error *err)
{
    if (command == NULL || command[0] == NULL)
        return firma_fail(err, FIRMA_E_CONFIG, 0, "no command to run was given");
    int result = firma_contract_set_text(&contract->executable, command[0], err);
    for (size_t i = 1; result == 0 && command[i] != NULL; i++)
        result = firma_contract_add_arg(contract, command[i], err);
    return result;
}

int firma_configure_flags(struct firma_launch *launch, struct firma_error *err)
{
    const struct firma_run_options *options = &launch->options;
    struct firma_contract *contract = &launch->contract;
    int result = firma_flags_require_guest(options->environment, err);
    if (result == 0)
        result = firma_log_open(&launch->log, options->log_file, err);
    if (result == 0)
        result = firma_uuid7(contract->sandbox_id, err);
    if (result == 0)
        result = set_identity(contract, options->identity, err);
    if (result == 0)
        result = set_command(contract, options->command, err);
    if (result == 0)
        result = firma_attribution_build(contract, options, err);
    if (result == 0)
        result = firma_guest_env_base(contract, options, err);
    return result;
}

static int open_seccomp(struct firma_launch *launch, const char *path, struct firma_error *err)
{
    if (path == NULL)
        return 0;
    int result = firma_artifact_open(&launch->seccomp, "--seccomp", path, false, err);
    if (result < 0)
        return result;
    off_t size = launch->seccomp.identity.st_size;
    if (size == 0 || size % FILTER_INSTRUCTION != 0 ||
        size > (off_t)FILTER_INSTRUCTION * FILTER_INSTRUCTIONS)
        return firma_fail(err, FIRMA_E_ARTIFACT, 0,
                          "--seccomp: %s: is not an array of 1 to %d struct sock_filter "
                          "(%d bytes each)",
                          path, FILTER_INSTRUCTIONS, FILTER_INSTRUCTION);
    return firma_contract_set_text(&launch->contract.seccomp_filter_path, path, err);
}

int firma_configure_artifacts(struct firma_launch *launch, struct firma_error *err)
{
    struct firma_artifact *artifacts = launch->artifacts;
    struct firma_contract *contract = &launch->contract;
    int result = firma_artifacts_open(artifacts, launch->options.environment, err);
    if (result < 0)
        return result;
    result = firma_contract_set_text(&contract->runner_path, artifacts[FIRMA_RUNNER].path, err);
    if (result == 0)
        result = firma_contract_set_text(&contract->kernel, artifacts[FIRMA_KERNEL].path, err);
    if (result == 0)
        result = firma_contract_set_text(&contract->initrd, artifacts[FIRMA_INITRD].path, err);
    if (result == 0)
        result = firma_contract_set_text(&contract->rootfs, artifacts[FIRMA_ROOTFS].path, err);
    if (result == 0)
        result = open_seccomp(launch, launch->options.seccomp, err);
    return result;
}

static const char *sidecar_address(const struct firma_launch *launch)
{
    if (launch->options.sidecar != NULL)
        return launch->options.sidecar;
    return firma_environment_get(launch->options.environment, SIDECAR_VARIABLE);
}

/* The path of the sidecar's unix socket; NULL: it has none. */
static const char *socket_path(const struct firma_endpoint *endpoint)
{
    return endpoint->address.ss_family == AF_UNIX
               ? ((const struct sockaddr_un *)&endpoint->address)->sun_path
               : NULL;
}

/* The sidecar's unix socket, canonical if it exists, malloc'd; NULL if it has none. An address that
 * is no good is reported when its turn comes, not here. FIRMA_E_MEMORY. */
static int sidecar_socket(const struct firma_launch *launch, char **out, struct firma_error *err)
{
    struct firma_endpoint endpoint;
    struct firma_error ignored;
    const char *text = sidecar_address(launch);
    if (text == NULL || firma_endpoint_parse(&endpoint, text, &ignored) < 0 ||
        socket_path(&endpoint) == NULL)
        return 0;
    const char *path = socket_path(&endpoint);
    *out = realpath(path, NULL);
    if (*out == NULL && errno != ENOMEM)
        *out = strdup(path);
    return *out != NULL ? 0 : firma_fail(err, FIRMA_E_MEMORY, 0, "mounts");
}

static int check_guarded(const struct firma_launch *launch, struct firma_error *err)
{
    FIRMA_AUTOFREE char *socket = NULL;
    int result = sidecar_socket(launch, &socket, err);
    if (result < 0)
        return result;
    FIRMA_AUTOFREE char *runner_dir = strdup(launch->artifacts[FIRMA_RUNNER].canonical);
    if (runner_dir == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "mounts");
    char *slash = strrchr(runner_dir, '/');
    slash[slash == runner_dir] = '\0'; /* a runner in "/" leaves "/" */
    const char *guarded[] = {
        launch->root.path,
        runner_dir,
        launch->artifacts[FIRMA_KERNEL].canonical,
        launch->artifacts[FIRMA_INITRD].canonical,
        launch->artifacts[FIRMA_ROOTFS].canonical,
        launch->seccomp.canonical,
        socket,
    };
    return firma_contract_check_mounts(launch->contract.mounts, launch->contract.mount_count,
                                       guarded, sizeof guarded / sizeof *guarded, err);
}

static int set_runtime_dir(struct firma_launch *launch, struct firma_error *err)
{
    int result = firma_runtime_root_find(&launch->root, launch->options.environment,
                                         launch->options.runtime_dir, err);
    if (result < 0)
        return result;
    char path[FIRMA_MAX_PATH + FIRMA_UUID_SIZE + 2];
    snprintf(path, sizeof path, "%s/%s", launch->root.path, launch->contract.sandbox_id);
    return firma_contract_set_text(&launch->contract.runtime_dir, path, err);
}

/* The ports are not known yet, all else is: with any valid ones, every rule and limit of the
 * contract is enforced before anything is started. */
int firma_configure_mounts(struct firma_launch *launch, struct firma_error *err)
{
    int result = set_runtime_dir(launch, err);
    if (result == 0)
        result = firma_mount_list_build(&launch->contract, &launch->options, err);
    if (result == 0)
        result = check_guarded(launch, err);
    if (result == 0)
        result = firma_guest_env_ours(&launch->contract, &launch->options, 1, 1, err);
    if (result == 0)
        result = firma_contract_validate(&launch->contract, err);
    return result;
}

static const char *sidecar_origin(const struct firma_launch *launch)
{
    return launch->options.sidecar != NULL ? "--sidecar" : SIDECAR_VARIABLE;
}

int firma_configure_sidecar(struct firma_launch *launch, struct firma_error *err)
{
    const char *origin = sidecar_origin(launch);
    const char *text = sidecar_address(launch);
    if (text == NULL || *text == '\0')
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "%s: is not set; give tcp://IP:PORT or unix:///PATH (or use --sidecar)",
                          origin);
    int result = firma_endpoint_parse(&launch->sidecar, text, err);
    if (result == 0 && socket_path(&launch->sidecar) != NULL)
        result = firma_sidecar_check_place(socket_path(&launch->sidecar), err);
    if (result == 0)
        result = firma_sidecar_ask(&launch->question, launch->loop, &launch->sidecar,
                                   FIRMA_SIDECAR_BOUND_MS, err);
    return result < 0 ? firma_wrap(err, "%s", origin) : 0;
}

int firma_configure_answer(struct firma_launch *launch, struct firma_error *err)
{
    int result = firma_sidecar_hear(&launch->question, &launch->interrupted, err);
    return result < 0 ? firma_wrap(err, "%s", sidecar_origin(launch)) : 0;
}
