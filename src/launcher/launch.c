/* One launch from end to end: the order of its steps, and how all of it is undone. */
#include "launcher/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/fds.h"
#include "launcher/flags.h"
#include "launcher/status.h"

enum { DEFAULT_GRACE_SECONDS = 10 };

void firma_run_options_init(struct firma_run_options *options, char *const *environment)
{
    *options = (struct firma_run_options){
        .environment = environment, .status_fd = -1, .grace_seconds = DEFAULT_GRACE_SECONDS};
}

int firma_exit_code(const struct firma_exit *end)
{
    if (end->by_launcher)
        return FIRMA_EXIT_OWN_FAILURE;
    return end->signal != 0 ? 128 + end->signal : end->code;
}

/* A signal we were started to ignore does not end anything. */
static bool ends_preparation(const struct firma_launch *launch, int number)
{
    return firma_signal_ends_preparation(number) &&
           sigismember(&launch->signals.ignored, number) == 0;
}

static void on_signal(void *context, const struct firma_signal *signal)
{
    struct firma_launch *launch = context;
    if (launch->running) {
        firma_supervisor_signal(&launch->supervisor, signal);
    } else if (ends_preparation(launch, signal->number)) {
        launch->interrupted = signal->number;
        firma_loop_stop(launch->loop);
    }
}

/* Between the steps the loop does not run, and signals wait where sigpending(2) sees them. */
static int check_interrupted(struct firma_launch *launch, struct firma_error *err)
{
    sigset_t pending;
    if (sigpending(&pending) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "sigpending");
    for (int number = 1; number < NSIG && launch->interrupted == 0; number++) {
        if (sigismember(&pending, number) == 1 && ends_preparation(launch, number))
            launch->interrupted = number;
    }
    if (launch->interrupted == 0)
        return 0;
    firma_fail(err, FIRMA_E_INTERRUPTED, 0, "%s arrived before the runner was started",
               firma_signal_name(launch->interrupted));
    if (err != NULL)
        err->errnum = launch->interrupted;
    return -FIRMA_E_INTERRUPTED;
}

static int open_loop(struct firma_launch *launch, struct firma_error *err)
{
    int result = firma_signals_block(&launch->signals, err);
    if (result < 0)
        return result;
    launch->signals_blocked = true;
    sigset_t forwarded;
    firma_signals_forwarded(&forwarded);
    result = firma_loop_open(&launch->loop, err);
    if (result == 0)
        result = firma_loop_signals(launch->loop, &forwarded, on_signal, launch, err);
    return result;
}

/* The bridge and the stub come up while the sidecar thinks. If it does not answer, that is told,
 * for it comes first. */
static int serve_meanwhile(struct firma_launch *launch, struct firma_error *err)
{
    struct firma_error later = {0};
    int services = firma_publish_services(launch, &later);
    int result = firma_configure_answer(launch, err);
    if (result < 0 || services == 0)
        return result;
    *err = later;
    return services;
}

static int prepare(struct firma_launch *launch, struct firma_error *err)
{
    static int (*const steps[])(struct firma_launch *, struct firma_error *) = {
        open_loop,
        firma_configure_flags,
        firma_configure_artifacts,
        firma_configure_mounts,
        firma_configure_sidecar,
        serve_meanwhile,
        check_interrupted,
        firma_publish_contract,
        check_interrupted,
        firma_publish_proof,
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int result = steps[i](launch, err);
        if (result < 0)
            return result;
    }
    return 0;
}

static struct firma_launch *new_launch(const struct firma_run_options *options)
{
    struct firma_launch *launch = calloc(1, sizeof *launch);
    if (launch == NULL)
        return NULL;
    launch->options = *options;
    launch->log.fd = -1;
    for (int role = 0; role < FIRMA_ARTIFACTS; role++)
        launch->artifacts[role].fd = -1;
    launch->seccomp.fd = -1;
    launch->dir = (struct firma_runtime_dir){.root_fd = -1, .fd = -1};
    launch->terminal.fd = -1;
    launch->guardian.channel = -1;
    return launch;
}

int firma_launch_prepare(struct firma_launch **out, const struct firma_run_options *options,
                         struct firma_error *err)
{
    struct firma_error scratch = {0};
    struct firma_error *why = err != NULL ? err : &scratch;
    if (options->status_fd != -1) {
        int result = firma_status_check(options->status_fd, why);
        if (result < 0)
            return result;
    }
    struct firma_launch *launch = new_launch(options);
    if (launch == NULL)
        return firma_fail(why, FIRMA_E_MEMORY, 0, "launch");
    int result = prepare(launch, why);
    if (result < 0) {
        firma_log(&launch->log, "refused: %s", why->text);
        firma_status_failed(options->status_fd, why);
        firma_launch_close(launch);
        return result;
    }
    *out = launch;
    return 0;
}

const char *firma_launch_proof(const struct firma_launch *launch)
{
    return launch->proof;
}

const char *firma_launch_contract(const struct firma_launch *launch)
{
    return launch->contract_text;
}

enum { RUNNER_VARIABLES = 7 };

/* The runner's environment: these and nothing else, so that no token of the host's reaches it. */
static void runner_environment(char *const *environment, char *out[RUNNER_VARIABLES + 1])
{
    static const char *const names[RUNNER_VARIABLES] = {"PATH", "HOME",   "USER", "LOGNAME",
                                                        "LANG", "TMPDIR", "TERM"};
    size_t count = 0;
    for (size_t i = 0; i < RUNNER_VARIABLES; i++) {
        const char *value = firma_environment_get(environment, names[i]);
        if (value != NULL)
            out[count++] = (char *)(value - strlen(names[i]) - 1);
    }
    out[count] = NULL;
}

static int start_runner(struct firma_launch *launch, struct firma_error *err)
{
    char contract_path[FIRMA_MAX_PATH + 64];
    char *variables[RUNNER_VARIABLES + 1];
    snprintf(contract_path, sizeof contract_path, "%s/%s", launch->contract.runtime_dir,
             FIRMA_CONTRACT_FILE);
    char option[] = "--launch-contract";
    char *argv[] = {launch->contract.runner_path, option, contract_path, NULL};
    runner_environment(launch->options.environment, variables);
    int result = firma_terminal_open(&launch->terminal, err);
    if (result < 0)
        return result;
    struct firma_spawn spawn = {.runner = &launch->artifacts[FIRMA_RUNNER],
                                .original = &launch->signals,
                                .terminal = &launch->terminal,
                                .argv = argv,
                                .environment = variables};
    struct firma_guardian_config config = {
        .spawn = &spawn, .dir = &launch->dir, .keep = launch->options.keep};
    return firma_guardian_start(&launch->guardian, &config, err);
}

static int start(struct firma_launch *launch, struct firma_error *err)
{
    int result = check_interrupted(launch, err);
    if (result == 0 && launch->options.keep)
        result = firma_runtime_dir_keep(&launch->dir, err);
    if (result == 0)
        result = start_runner(launch, err);
    if (result < 0)
        return result;
    /* Not before: the runner keeps the limit we came with. */
    launch->descriptor_limit =
        firma_fds_raise_limit(FIRMA_LAUNCH_DESCRIPTORS + FIRMA_BRIDGE_DESCRIPTORS);
    firma_log(&launch->log, "sandbox %s: runner %ld started", launch->contract.sandbox_id,
              (long)launch->guardian.runner);
    firma_status_started(launch->options.status_fd, launch->guardian.runner);
    if (launch->options.release_stdio)
        firma_fds_release_standard();
    launch->running = true;
    return 0;
}

/* Our copies of fds 0-2 are let go once the runner has its own: otherwise a reader of its output
 * would wait for us after the command has closed it. */
int firma_launch_run(struct firma_launch *launch, struct firma_exit *out, struct firma_error *err)
{
    struct firma_error scratch = {0};
    struct firma_error *why = err != NULL ? err : &scratch;
    launch->supervisor = (struct firma_supervisor){.loop = launch->loop,
                                                   .guardian = &launch->guardian,
                                                   .terminal = &launch->terminal,
                                                   .log = &launch->log,
                                                   .grace_seconds = launch->options.grace_seconds};
    int result = start(launch, why);
    if (result == 0)
        result = firma_supervise(&launch->supervisor, why);
    if (result < 0) {
        firma_terminal_restore(&launch->terminal, launch->guardian.runner);
        firma_log(&launch->log, "failed: %s", why->text);
        firma_status_failed(launch->options.status_fd, why);
        return result;
    }
    firma_status_exited(launch->options.status_fd, &launch->supervisor.end);
    *out = launch->supervisor.end;
    return 0;
}

static void close_services(struct firma_launch *launch)
{
    firma_sidecar_drop(&launch->question);
    if (launch->bridge != NULL)
        firma_bridge_close(launch->bridge);
    if (launch->stub != NULL)
        firma_dns_stub_close(launch->stub);
    free(launch->headers);
}

/* The guardian goes last: until the directory is gone, it is what removes it if we are killed. */
static void close_directory(struct firma_launch *launch)
{
    bool kept = launch->options.keep && launch->running;
    if (launch->has_dir && !kept)
        firma_runtime_dir_remove(&launch->dir);
    firma_guardian_dismiss(&launch->guardian);
    firma_runtime_dir_close(&launch->dir);
    firma_runtime_root_clear(&launch->root);
}

void firma_launch_close(struct firma_launch *launch)
{
    if (launch == NULL)
        return;
    close_services(launch);
    close_directory(launch);
    firma_terminal_close(&launch->terminal);
    firma_fds_restore_limit(launch->descriptor_limit);
    for (int role = 0; role < FIRMA_ARTIFACTS; role++)
        firma_artifact_close(&launch->artifacts[role]);
    firma_artifact_close(&launch->seccomp);
    firma_contract_clear(&launch->contract);
    free(launch->contract_text);
    free(launch->proof);
    firma_loop_close(launch->loop);
    firma_log_close(&launch->log);
    if (launch->signals_blocked)
        firma_signals_restore(&launch->signals);
    free(launch);
}
