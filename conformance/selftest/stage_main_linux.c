/*
 * stage_main_linux.c - plays one small launch, by.tcp4, the way `firma-conform run` does, with one
 * trouble in one of its labs, and looks at the verdict. TROUBLE_NONE must pass: otherwise nothing
 * else here means anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "observe.h"
#include "result.h"
#include "scenarios/stage.h"
#include "stage_strike_linux.h"

static const struct stage_trial TRIALS[] = {
    {.name = "lab-untouched", .status = 0, .verdict = "PASS", .reason = {"every leg holds"}},
    {.name = "observer-killed",
     .trouble = TROUBLE_SIGNAL,
     .leg = CF_SUBJECT,
     .observer = "canary",
     .signal = SIGKILL,
     .status = 2,
     .verdict = "INCONCLUSIVE",
     .reason = {"canary", "deaf"}},
    {.name = "observer-killed-capture",
     .trouble = TROUBLE_SIGNAL,
     .leg = CF_SUBJECT,
     .observer = "capture",
     .signal = SIGKILL,
     .when = "ended",
     .status = 2,
     .verdict = "INCONCLUSIVE",
     .reason = {"capture", "deaf"}},
    {.name = "observer-killed-honeypots",
     .trouble = TROUBLE_SIGNAL,
     .leg = CF_SUBJECT,
     .observer = "honeypots",
     .signal = SIGKILL,
     .when = "ended",
     .status = 2,
     .verdict = "INCONCLUSIVE",
     .reason = {"honeypots", "deaf"}},
    {.name = "observer-killed-in-the-control",
     .trouble = TROUBLE_SIGNAL,
     .leg = CF_CONTROL,
     .observer = "canary",
     .signal = SIGKILL,
     .when = "ended",
     .status = 2,
     .verdict = "INCONCLUSIVE",
     .reason = {"canary", "deaf"}},
    {.name = "observer-deaf",
     .trouble = TROUBLE_SIGNAL,
     .leg = CF_SUBJECT,
     .observer = "canary",
     .signal = SIGSTOP,
     .when = "ended",
     .status = 2,
     .verdict = "INCONCLUSIVE",
     .reason = {"deaf", "canary"}},
    {.name = "observer-never-started",
     .trouble = TROUBLE_UNOBSERVED,
     .leg = CF_SUBJECT,
     .status = 2,
     .verdict = "INCONCLUSIVE",
     .reason = {"no log of the observer", "lab failed"}},
    {.name = "control-cannot-run",
     .trouble = TROUBLE_NO_PROBE,
     .leg = CF_CONTROL,
     .status = 2,
     .verdict = "INCONCLUSIVE",
     .reason = {"was not heard"}},
    {.name = "sidecar-log-inconsistent",
     .trouble = TROUBLE_SECRET_DIAL,
     .leg = CF_SUBJECT,
     .status = 1,
     .verdict = "FAIL",
     .reason = {"no request in the sidecar's log explains"}},
    {.name = "harness-killed",
     .trouble = TROUBLE_HARNESS,
     .leg = CF_SUBJECT,
     .status = 2,
     .verdict = "INCONCLUSIVE",
     .reason = {"lab failed", "closed"}},
};

struct body {
    const struct stage_trial *trial;
    const struct cf_plan_launch *launch;
    enum cf_leg leg;
    int evidence_fd;
    char runner[PATH_MAX];
};

static int run_body(struct cf_lab *lab, void *context)
{
    const struct body *body = context;
    const struct stage_trial *trial = body->trial;
    struct cf_error err = {0};
    struct cf_stage stage = {.lab = lab,
                             .events = cf_lab_events(lab),
                             .launch = body->launch,
                             .leg = body->leg,
                             .launch_ms = CF_LAUNCH_MS,
                             .word_ms = CF_WORD_MS,
                             .evidence_fd = body->evidence_fd,
                             .runner = body->runner};
    signal(SIGPIPE, SIG_IGN);
    bool strikes = trial->trouble == TROUBLE_SIGNAL || trial->trouble == TROUBLE_SECRET_DIAL ||
                   trial->trouble == TROUBLE_HARNESS;
    if (strikes && body->leg == trial->leg && stage_strike(lab, body->evidence_fd, trial) != 0)
        return 2;
    if (cf_stage_run(&stage, &err) == 0)
        return 0;
    cf_events_emit(stage.events, "error", json_pack("{ss}", "text", err.text));
    return 1;
}

static int open_leg(const char *directory, enum cf_leg leg)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/launches/net/%s", directory, cf_leg_name(leg));
    if (mkdir(path, 0755) != 0)
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int start_lab(const struct stage_trial *trial, const struct cf_run *run,
                     const struct cf_target *target, struct cf_observation *observation,
                     enum cf_leg leg, struct cf_error *err)
{
    char probe[PATH_MAX], sidecar[PATH_MAX];
    bool troubled = leg == trial->leg;
    struct body body = {.trial = trial, .launch = observation->launch, .leg = leg};
    body.evidence_fd = open_leg(run->directory, leg);
    if (body.evidence_fd < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", run->directory);
    snprintf(body.runner, sizeof body.runner, "/lab/runner/firma-ns-runner");
    snprintf(probe, sizeof probe, "%s/firma-probe", target->bin);
    snprintf(sidecar, sizeof sidecar, "%s/fake-sidecar", target->bin);
    const struct cf_lab_copy copies[] = {
        {target->launcher, "/lab/bin/firma-run", 0755},
        {target->runner, body.runner, 0755},
        {sidecar, "/lab/bin/fake-sidecar", 0755},
        {probe, "/lab/bin/firma-probe", 0755}, /* last: a trial leaves it out */
    };
    const struct cf_lab_config config = {
        .evidence_fd = body.evidence_fd,
        .hidden = run->directory,
        .copies = copies,
        .copy_count = troubled && trial->trouble == TROUBLE_NO_PROBE ? 3 : 4,
        .observe = !(troubled && trial->trouble == TROUBLE_UNOBSERVED),
    };
    int failed = cf_lab_start(&config, run_body, &body, &observation->labs[leg], err);
    close(body.evidence_fd);
    return failed;
}

static int observe(const struct stage_trial *trial, const struct cf_run *run,
                   const struct cf_target *target, const struct cf_plan *plan, struct cf_error *err)
{
    struct cf_observation observation = {.launch = &plan->launches[0], .labs = {-1, -1}};
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/launches", run->directory);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/launches/net", run->directory);
    mkdir(path, 0755);
    int failed = 0;
    for (int leg = 0; leg < CF_LEG_COUNT && failed == 0; leg++)
        failed = start_lab(trial, run, target, &observation, leg, err);
    int finished = cf_observe_finish(&observation, run, target, err);
    return failed != 0 ? failed : finished;
}

static json_t *judge(const struct cf_run *run, const struct cf_target *target, struct cf_error *err)
{
    char path[PATH_MAX], digest[65] = "";
    snprintf(path, sizeof path, "%s/launches/net/launch.json", run->directory);
    if (cf_digest_file(AT_FDCWD, path, digest, NULL, err) != 0)
        return NULL;
    json_t *record = json_pack("{ss ss s{ss} s{ss} s[s] s{} s{ss}}", "invocation", run->invocation,
                               "register_sha256", run->register_sha256, "subject", "sha256",
                               target->runner_sha256, "launcher", "sha256", target->launcher_sha256,
                               "planned", "by.tcp4", "not_applicable", "launches", "net", digest);
    json_t *result = cf_result_judge(run->directory, record, err);
    json_decref(record);
    return result;
}

static bool list_says(const json_t *list, const char *key, const char *word)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *text = json_string_value(json_object_get(item, key));
        if (text != NULL && !json_is_true(json_object_get(item, "ok")) &&
            strstr(text, word) != NULL)
            return true;
    }
    return false;
}

static bool is_said(const json_t *row, const char *word)
{
    const char *reason = json_string_value(json_object_get(row, "reason"));
    return (reason != NULL && strstr(reason, word) != NULL) ||
           list_says(json_object_get(row, "legs"), "detail", word) ||
           list_says(json_object_get(row, "violations"), "what", word);
}

static int compare(const struct stage_trial *trial, const json_t *result)
{
    const json_t *row = json_array_get(json_object_get(result, "rows"), 0);
    const char *verdict = json_string_value(json_object_get(row, "verdict"));
    const char *reason = json_string_value(json_object_get(row, "reason"));
    int status = cf_result_exit(result);
    bool said = is_said(row, trial->reason[0]) ||
                (trial->reason[1] != NULL && is_said(row, trial->reason[1]));
    printf("%s: %s, exit status %d: %s\n", trial->name, verdict != NULL ? verdict : "no verdict",
           status, reason != NULL ? reason : "");
    if (status == trial->status && verdict != NULL && strcmp(verdict, trial->verdict) == 0 && said)
        return 0;
    fprintf(stderr, "selftest-stage: should be %s, exit status %d, because of \"%s\"\n",
            trial->verdict, trial->status, trial->reason[0]);
    return 1;
}

static int carry_out(const struct stage_trial *trial, const char *directory, struct cf_error *err)
{
    const char *selector = "by.tcp4", *bin = getenv("FIRMA_BIN");
    struct cf_target target = {0};
    struct cf_plan plan = {0};
    struct cf_run run = {
        .directory = directory, .id = "selftest", .invocation = "5e1f7e575e1f7e575e1f7e575e1f7e57"};
    const struct cf_wanted wanted = {.runner = "namespace", .bin = bin == NULL ? "." : bin};
    int failed = cf_target_find(&target, &wanted, err);
    if (failed == 0)
        failed = cf_plan_make(&plan, &selector, 1, err);
    if (failed == 0)
        failed = cf_register_digest(run.register_sha256, err);
    if (failed == 0)
        failed = observe(trial, &run, &target, &plan, err);
    json_t *result = failed == 0 ? judge(&run, &target, err) : NULL;
    failed = result == NULL ? -1 : compare(trial, result);
    json_decref(result);
    cf_plan_release(&plan);
    cf_target_release(&target);
    return failed;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/firma-selftest-XXXXXX";
    struct cf_error err = {0};
    for (size_t i = 0; argc == 2 && i < sizeof TRIALS / sizeof TRIALS[0]; i++) {
        if (strcmp(TRIALS[i].name, argv[1]) != 0)
            continue;
        if (mkdtemp(directory) == NULL)
            return 1;
        int failed = carry_out(&TRIALS[i], directory, &err);
        if (failed < 0)
            fprintf(stderr, "selftest-stage: %s\n", err.text);
        nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        return failed == 0 ? 0 : 1;
    }
    fputs("selftest-stage: name one trial\n", stderr);
    return 1;
}
