/*
 * refuse.c - launches that must not happen.
 *
 * The control lab holds one launch that is right in everything: its marker reaches stdout and, by
 * way of the sidecar, the canary. In the subject lab every row changes one thing. A fault is a
 * change to the command line, the environment, a file, or the sidecar; runner rows hand a contract
 * of the suite's own making straight to the runner. A launcher that lets a fault pass may still be
 * saved by a strict runner: so in launcher rows the runner is the recorder, which refuses nothing
 * and leaves a record wherever it was spawned.
 */
#include "scenarios/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char recorder[] = "/lab/bin/recorder-runner";
static const char record_path[] = "/lab/work/recorder.json";
static const char direct_directory[] = "/lab/run/direct";
static const char direct_contract[] = "/lab/run/direct/vz-guest-launch.json";

/* The command of every launch here: says its nonce on stdout, then asks for it by way of the proxy.
 */
struct marker {
    char url[128];
    const char *argv[6];
};

static void make_marker(struct marker *marker, const char *nonce)
{
    char address[64];
    cf_plan_live_address(nonce, address, sizeof address);
    snprintf(marker->url, sizeof marker->url, "http://%s/", address);
    const char *argv[] = {"/lab/bin/firma-probe", "marker", nonce, marker->url, NULL};
    memcpy(marker->argv, argv, sizeof argv);
}

/* Records whether a runner was spawned that is the recorder. */
static int finish(struct cf_stage *stage, const struct cf_start *start, const char *event,
                  json_t *fields, struct cf_error *err)
{
    struct cf_process process;
    int failed = cf_stage_start(stage, &process, start, -1, err);
    if (failed != 0) {
        json_decref(fields);
        return failed;
    }
    cf_process_close_input(&process);
    /* A guest may take its time to boot; a refusal has a bound. */
    cf_process_finish(&process, stage->lab,
                      stage->leg == CF_CONTROL ? CF_LAUNCH_MS : CF_REFUSAL_MS);
    json_object_set_new(fields, "spawned", json_boolean(unlink(record_path) == 0));
    cf_stage_ended(stage, &process, event, fields);
    return 0;
}

/* ---- contracts of the suite's own making ---- */

static json_t *proxy_environment(const struct cf_stage *stage, uint16_t proxy)
{
    json_t *env = json_object();
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy);
    static const char *const names[] = {"ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY",
                                        "all_proxy", "https_proxy", "http_proxy"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(env, names[i], json_string(url));
    json_object_set_new(env, "NO_PROXY", json_string("127.0.0.1,localhost,::1"));
    json_object_set_new(env, "no_proxy", json_string("127.0.0.1,localhost,::1"));
    json_object_set_new(env, "PATH", json_string("/usr/bin:/bin"));
    json_object_set_new(env, "FIRMA_RUN_PROFILE", json_string("conformance"));
    json_object_set_new(env, "FIRMA_AGENT_ID", json_string("probe"));
    json_object_set_new(env, "FIRMA_DNS_STUB_ADDR", json_string("127.0.0.1:5300"));
    (void)stage;
    return env;
}

static json_t *make_invariants(void)
{
    json_t *invariants = json_array();
    for (int i = 0; i < 6; i++)
        json_array_append_new(invariants,
                              json_pack("{ssss}", "name", cf_invariant_name((enum cf_invariant)i),
                                        "mode", "required"));
    return invariants;
}

static json_t *make_mounts(void)
{
    return json_pack("[{sssssb},{sssssb}]", "source", "/lab/bin", "target", "/lab/bin", "read_only",
                     1, "source", "/lab/work", "target", "/lab/work", "read_only", 0);
}

static json_t *make_contract(const struct cf_stage *stage, const struct marker *marker,
                             uint16_t proxy)
{
    static const char sandbox[] = "01890a5d-ac96-774b-bcce-b302099a8057";
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy);
    json_t *args = json_array();
    for (int i = 1; marker->argv[i] != NULL; i++)
        json_array_append_new(args, json_string(marker->argv[i]));
    json_t *command = json_pack("{ss so ss so ss sn}", "executable", marker->argv[0], "args", args,
                                "cwd", "/lab/work", "env", proxy_environment(stage, proxy),
                                "identity_mode", "host_user", "seccomp_filter_path");
    json_t *headers = json_pack("{ss ss}", "x-firma-sandbox-id", sandbox, "x-firma-user", "tester");
    json_t *network = json_pack("{ss ss so}", "proxy_url", url, "dns_stub_addr", "127.0.0.1:5300",
                                "attribution_headers", headers);
    return json_pack("{si ss ss s{ss} s{ssssss} so so so so}", "version", 1, "sandbox_id", sandbox,
                     "runtime_dir", direct_directory, "runner", "path", stage->runner, "guest",
                     "kernel", "/lab/artifacts/kernel", "initrd", "/lab/artifacts/initrd", "rootfs",
                     "/lab/artifacts/rootfs", "command", command, "mounts", make_mounts(),
                     "network", network, "invariants", make_invariants());
}

static int write_contract(const char *text, size_t length, mode_t mode, struct cf_error *err)
{
    if (mkdir(direct_directory, 0700) != 0 && errno != EEXIST)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", direct_directory);
    unlink(direct_contract);
    int fd = open(direct_contract, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", direct_contract);
    ssize_t written = write(fd, text, length);
    int saved = errno;
    fchmod(fd, mode);
    close(fd);
    return written == (ssize_t)length ? 0 : cf_fail(err, CF_E_SYSTEM, saved, "%s", direct_contract);
}

/* ---- faults ---- */

/* One launch in the making: a fault changes whatever it has to. */
struct attempt {
    struct cf_stage *stage;
    const char *runner;
    struct cf_start start;
    json_t *contract; /* runner rows; NULL otherwise */
    mode_t mode;      /* of the contract file */
    size_t cut;       /* bytes cut off the contract's end */
};

static void fault_sidecar_down(struct attempt *attempt)
{
    cf_lab_sidecar_stop(attempt->stage->lab, &attempt->stage->sidecar, SIGKILL);
}

static void restart_sidecar(struct attempt *attempt, const char *script)
{
    struct cf_stage *stage = attempt->stage;
    uint16_t port = stage->sidecar.port;
    cf_lab_sidecar_stop(stage->lab, &stage->sidecar, SIGKILL);
    cf_lab_sidecar_start(stage->lab, script, port, &stage->sidecar, NULL);
}

static void fault_sidecar_silent(struct attempt *attempt)
{
    restart_sidecar(attempt, "hang");
}

static void fault_sidecar_gone(struct attempt *attempt)
{
    restart_sidecar(attempt, "close-after-check");
}

static void fault_kernel_missing(struct attempt *attempt)
{
    cf_words_set(&attempt->start.env, "FIRMA_RUN_VZ_GUEST_KERNEL", "/lab/artifacts/none");
}

static void fault_rootfs_directory(struct attempt *attempt)
{
    cf_words_set(&attempt->start.env, "FIRMA_RUN_VZ_GUEST_ROOTFS", "/lab/artifacts");
}

static void fault_runner_writable(struct attempt *attempt)
{
    chmod(attempt->runner, 0777);
}

static void fault_flag_typo(struct attempt *attempt)
{
    cf_words_set(&attempt->start.env, "FIRMA_RUN_VZ_GUEST", "ture");
}

static void fault_reserved_target(struct attempt *attempt)
{
    /* Before the "--" that ends the options. */
    struct cf_words *argv = &attempt->start.argv;
    for (size_t i = 0; i + 1 < argv->count; i++)
        if (strcmp(argv->items[i], "/lab/plan:/lab/plan:ro") == 0) {
            free(argv->items[i]);
            argv->items[i] = strdup("/lab/plan:/etc:ro");
        }
}

static void fault_bridge_dead(struct attempt *attempt)
{
    fault_sidecar_down(attempt); /* the direct contract's proxy_url is the sidecar itself */
}

static void fault_unknown_key(struct attempt *attempt)
{
    json_object_set_new(json_object_get(attempt->contract, "network"), "allow_direct", json_true());
}

static void fault_truncated(struct attempt *attempt)
{
    attempt->cut = 2;
}

static void fault_readable(struct attempt *attempt)
{
    attempt->mode = 0644;
}

static void fault_missing_invariant(struct attempt *attempt)
{
    json_array_remove(json_object_get(attempt->contract, "invariants"), 4);
}

static void fault_outside_dns(struct attempt *attempt)
{
    json_object_set_new(json_object_get(attempt->contract, "network"), "dns_stub_addr",
                        json_string("8.8.8.8:53"));
}

enum way {
    THROUGH,  /* the launcher and the runner under test */
    RECORDED, /* the launcher alone: its runner is the recorder */
    DIRECT    /* straight to the runner, with a contract of the suite's own */
};

static const struct fault {
    const char *name;
    enum way way;
    void (*make)(struct attempt *attempt);
} faults[] = {
    {"sidecar-down", RECORDED, fault_sidecar_down},
    {"sidecar-silent", RECORDED, fault_sidecar_silent},
    {"sidecar-gone", THROUGH, fault_sidecar_gone},
    {"kernel-missing", RECORDED, fault_kernel_missing},
    {"rootfs-directory", RECORDED, fault_rootfs_directory},
    {"runner-writable", RECORDED, fault_runner_writable},
    {"flag-typo", RECORDED, fault_flag_typo},
    {"reserved-target", RECORDED, fault_reserved_target},
    {"bridge-dead", DIRECT, fault_bridge_dead},
    {"contract-unknown-key", DIRECT, fault_unknown_key},
    {"contract-truncated", DIRECT, fault_truncated},
    {"contract-readable", DIRECT, fault_readable},
    {"contract-missing-invariant", DIRECT, fault_missing_invariant},
    {"contract-outside-dns", DIRECT, fault_outside_dns},
};

/* How events name the ways. */
static const char *const ways[] = {"launcher", "recorder", "runner"};

/* Puts back what a fault changed outside its own command line. */
static int restore(struct cf_stage *stage, struct cf_error *err)
{
    uint16_t port = stage->sidecar.port;
    chmod(stage->runner, 0755);
    chmod(recorder, 0755);
    cf_lab_sidecar_stop(stage->lab, &stage->sidecar, SIGKILL);
    return cf_lab_sidecar_start(stage->lab, "", port, &stage->sidecar, err);
}

static int launch(struct cf_stage *stage, const struct fault *fault, const char *nonce,
                  const char *event, json_t *fields, struct cf_error *err)
{
    struct marker marker;
    struct attempt attempt = {.stage = stage, .runner = stage->runner, .mode = 0600};
    bool direct = fault->way == DIRECT;
    make_marker(&marker, nonce);
    cf_start_launcher(&attempt.start, stage, NULL, marker.argv);
    if (fault->way == RECORDED) {
        attempt.runner = recorder;
        cf_words_set(&attempt.start.env, "FIRMA_RUN_VZ_GUEST_RUNNER", recorder);
    }
    if (direct) {
        attempt.contract = make_contract(stage, &marker, stage->sidecar.port);
        cf_words_release(&attempt.start.argv);
        cf_words_add(&attempt.start.argv, "%s", stage->runner);
        cf_words_add(&attempt.start.argv, "--launch-contract");
        cf_words_add(&attempt.start.argv, "%s", direct_contract);
    }
    if (fault->make != NULL)
        fault->make(&attempt);
    int failed = 0;
    if (direct) {
        char *text = json_dumps(attempt.contract, JSON_INDENT(2));
        size_t length = strlen(text) - attempt.cut;
        failed = write_contract(text, length, attempt.mode, err);
        cf_events_emit(stage->events, "contract",
                       json_pack("{ssso}", "path", direct_contract, "text",
                                 cf_events_data(text, length, CF_TEXT_KEPT)));
        free(text);
    }
    if (failed == 0)
        failed = finish(stage, &attempt.start, event, fields, err);
    else
        json_decref(fields);
    unlink(direct_contract);
    rmdir(direct_directory);
    json_decref(attempt.contract);
    cf_start_release(&attempt.start);
    return failed;
}

static const struct fault *find_fault(const char *name)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (strcmp(faults[i].name, name) == 0)
            return &faults[i];
    return NULL;
}

static bool goes(const struct cf_plan_launch *launched, enum way way)
{
    for (size_t i = 0; i < launched->count; i++) {
        const struct fault *fault = find_fault(launched->rows[i].row->attempt);
        if (fault != NULL && fault->way == way)
            return true;
    }
    return false;
}

/* What is right in everything, each way that a row of this launch goes. */
static int run_controls(struct cf_stage *stage, struct cf_error *err)
{
    static const struct fault right[] = {
        {"none", THROUGH, NULL}, {"none", RECORDED, NULL}, {"none", DIRECT, NULL}};
    const struct cf_plan_launch *launched = stage->launch;
    const char *nonces[] = {launched->live_before, launched->fault, launched->live_after};
    int failed = 0;
    for (size_t i = 0; i < sizeof right / sizeof right[0] && failed == 0; i++)
        if (goes(launched, right[i].way))
            failed = launch(stage, &right[i], nonces[i], "baseline",
                            json_pack("{ssss}", "nonce", nonces[i], "by", ways[right[i].way]), err);
    return failed;
}

int cf_scenario_refuse(struct cf_stage *stage, struct cf_error *err)
{
    if (stage->leg == CF_CONTROL)
        return run_controls(stage, err);
    int failed = 0;
    for (size_t i = 0; i < stage->launch->count && failed == 0; i++) {
        const struct cf_plan_row *planned = &stage->launch->rows[i];
        const struct fault *fault = find_fault(planned->row->attempt);
        if (fault == NULL)
            return cf_fail(err, CF_E_SYSTEM, 0, "%s: no fault of this name", planned->row->attempt);
        json_t *fields =
            json_pack("{ssssssss}", "row", planned->row->id, "nonce", planned->nonce[CF_SUBJECT],
                      "fault", fault->name, "by", ways[fault->way]);
        failed = launch(stage, fault, planned->nonce[CF_SUBJECT], "refusal", fields, err);
        if (failed == 0)
            failed = restore(stage, err);
    }
    return failed;
}
