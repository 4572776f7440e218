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
#include "scenarios/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char cf_recorder[] = "/lab/bin/recorder-runner";
const char cf_direct_directory[] = "/lab/run/direct";
const char cf_direct_contract[] = "/lab/run/direct/vz-guest-launch.json";

static const char record_path[] = "/lab/work/recorder.json";

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
                      stage->leg == CF_CONTROL ? stage->launch_ms : CF_REFUSAL_MS);
    json_object_set_new(fields, "spawned", json_boolean(unlink(record_path) == 0));
    cf_stage_ended(stage, &process, event, fields);
    return 0;
}

/* ---- one launch ---- */

static int write_contract(const struct cf_attempt *attempt, struct cf_error *err)
{
    if (mkdir(cf_direct_directory, 0700) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", cf_direct_directory);
    int fd = open(cf_direct_contract, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", cf_direct_contract);
    ssize_t written = write(fd, attempt->text, attempt->length);
    int saved = errno;
    fchmod(fd, attempt->mode);
    close(fd);
    return written == (ssize_t)attempt->length
               ? 0
               : cf_fail(err, CF_E_SYSTEM, saved, "%s", cf_direct_contract);
}

static int publish_contract(const struct cf_fault *fault, struct cf_attempt *attempt,
                            struct cf_error *err)
{
    attempt->text = json_dumps(attempt->contract, JSON_INDENT(2));
    if (attempt->text == NULL)
        return cf_fail(err, CF_E_SYSTEM, ENOMEM, "%s", fault->name);
    attempt->length = strlen(attempt->text);
    if (fault->edit != NULL)
        fault->edit(attempt);
    cf_events_emit(attempt->stage->events, "contract",
                   json_pack("{ssso}", "path", cf_direct_contract, "text",
                             cf_events_data(attempt->text, attempt->length, CF_TEXT_KEPT)));
    return write_contract(attempt, err);
}

static void prepare(const struct cf_fault *fault, struct cf_attempt *attempt,
                    const struct marker *marker)
{
    cf_start_launcher(&attempt->start, attempt->stage, NULL, marker->argv);
    if (fault->way == CF_RECORDED) {
        attempt->runner = cf_recorder;
        cf_words_set(&attempt->start.env, "FIRMA_RUN_VZ_GUEST_RUNNER", cf_recorder);
    }
    if (fault->way == CF_DIRECT) {
        attempt->contract = cf_direct_contract_for(attempt->stage, marker->argv);
        cf_words_release(&attempt->start.argv);
        cf_words_add(&attempt->start.argv, "%s", attempt->runner);
        cf_words_add(&attempt->start.argv, "--launch-contract");
        cf_words_add(&attempt->start.argv, "%s", cf_direct_contract);
    }
}

static int make_fault(const struct cf_fault *fault, struct cf_attempt *attempt,
                      struct cf_error *err)
{
    int failed = cf_fault_apply(fault, attempt, err);
    if (failed == 0 && fault->make != NULL)
        fault->make(attempt);
    if (failed == 0 && fault->way == CF_DIRECT)
        failed = publish_contract(fault, attempt, err);
    if (failed == 0 && fault->plant != NULL)
        fault->plant(attempt);
    return failed;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

/* Puts back what a fault changed outside its own command line. What a runner that did start has
 * left in the directory goes too: the next launch must not be refused for that. */
static int restore(const struct cf_fault *fault, struct cf_attempt *attempt, struct cf_error *err)
{
    struct cf_stage *stage = attempt->stage;
    uint16_t port = stage->sidecar.port;
    if (fault->undo != NULL)
        fault->undo(attempt);
    nftw(cf_direct_directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    json_decref(attempt->contract);
    free(attempt->text);
    cf_start_release(&attempt->start);
    if (!attempt->sidecar_moved)
        return 0;
    cf_lab_sidecar_stop(stage->lab, &stage->sidecar, SIGKILL);
    return cf_lab_sidecar_start(stage->lab, "", port, &stage->sidecar, err);
}

static int launch(struct cf_stage *stage, const struct cf_fault *fault, const char *nonce,
                  const char *event, json_t *fields, struct cf_error *err)
{
    struct marker marker;
    struct cf_attempt attempt = {
        .stage = stage, .runner = stage->runner, .mode = 0600, .gate.listener = -1};
    make_marker(&marker, nonce);
    prepare(fault, &attempt, &marker);
    int failed = make_fault(fault, &attempt, err);
    if (failed == 0)
        failed = finish(stage, &attempt.start, event, fields, err);
    else
        json_decref(fields);
    int undone = restore(fault, &attempt, failed == 0 ? err : NULL);
    return failed != 0 ? failed : undone;
}

/* ---- all of them ---- */

/* How events name the ways. */
static const char *const ways[] = {"launcher", "recorder", "runner"};

static bool goes(const struct cf_plan_launch *launched, enum cf_way way)
{
    for (size_t i = 0; i < launched->count; i++) {
        const struct cf_fault *fault = cf_fault_find(launched->rows[i].row->attempt);
        if (fault != NULL && fault->way == way)
            return true;
    }
    return false;
}

/* What is right in everything, each way that a row of this launch goes. */
static int run_controls(struct cf_stage *stage, struct cf_error *err)
{
    static const struct cf_fault right[] = {{.name = "none", .way = CF_THROUGH},
                                            {.name = "none", .way = CF_RECORDED},
                                            {.name = "none", .way = CF_DIRECT}};
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
    int failed = cf_plant_odd_files(err);
    if (failed == 0 && stage->leg == CF_CONTROL)
        return run_controls(stage, err);
    for (size_t i = 0; i < stage->launch->count && failed == 0; i++) {
        const struct cf_plan_row *planned = &stage->launch->rows[i];
        const struct cf_fault *fault = cf_fault_find(planned->row->attempt);
        if (fault == NULL)
            return cf_fail(err, CF_E_SYSTEM, 0, "%s: no fault of this name", planned->row->attempt);
        json_t *fields =
            json_pack("{ssssssss}", "row", planned->row->id, "nonce", planned->nonce[CF_SUBJECT],
                      "fault", fault->name, "by", ways[fault->way]);
        if (cf_fault_word(fault->name) != NULL)
            json_object_set_new(fields, "names", json_string(cf_fault_word(fault->name)));
        failed = launch(stage, fault, planned->nonce[CF_SUBJECT], "refusal", fields, err);
    }
    return failed;
}
