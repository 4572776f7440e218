#include "observe.h"

#include <dirent.h>
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
#include "base/record.h"
#include "lab/lab.h"
#include "scenarios/stage.h"

enum { PATH_SIZE = PATH_MAX + 64 }; /* a launch's directory and a name of ours below it */

/* What the lab's body needs; lives until the lab has been forked. */
struct body {
    const struct cf_plan_launch *launch;
    enum cf_leg leg;
    const struct cf_target *target;
    int evidence_fd;
    char runner[PATH_MAX];
};

static int run_body(struct cf_lab *lab, void *context)
{
    struct body *body = context;
    struct cf_error err = {0};
    signal(SIGPIPE, SIG_IGN); /* a subject that was killed reads no more */
    struct cf_stage stage = {.lab = lab,
                             .events = cf_lab_events(lab),
                             .launch = body->launch,
                             .leg = body->leg,
                             .scale = body->target->scale,
                             .launch_ms = body->target->launch_ms + cf_plan_patience(body->launch),
                             .word_ms = body->target->word_ms,
                             .evidence_fd = body->evidence_fd,
                             .runner = body->runner};
    if (cf_stage_run(&stage, &err) == 0)
        return 0;
    cf_events_emit(stage.events, "error", json_pack("{ss}", "text", err.text));
    return 1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)at;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

static int make_directory(const char *path, struct cf_error *err)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", path);
    return 0;
}

static void launch_path(char *path, size_t size, const struct cf_run *run, const char *launch,
                        const char *below)
{
    snprintf(path, size, "%s/launches/%s%s%s", run->directory, launch, below[0] != '\0' ? "/" : "",
             below);
}

enum { OWN_COPIES = 5, BESIDE = 2 };

/* Whether a runner is started at all in this lab. */
static bool needs_images(const struct cf_launch *launch, enum cf_leg leg)
{
    return launch->scenario != CF_RECORDER &&
           (leg == CF_SUBJECT || launch->scenario == CF_REFUSE || launch->scenario == CF_NEIGHBOUR);
}

/* A runner that boots something needs the operator's own images, and what stands beside them about
 * them. Without images the lab plants empty files (stage_linux.c). PATHS: room for the names. */
static size_t add_images(struct cf_lab_copy *copies, const struct cf_target *target,
                         char paths[BESIDE][PATH_MAX])
{
    static const char *const targets[CF_IMAGES] = {"/lab/artifacts/kernel", "/lab/artifacts/initrd",
                                                   "/lab/artifacts/rootfs"};
    static const struct {
        const char *name, *target;
    } beside[BESIDE] = {{"manifest.json", "/lab/artifacts/manifest.json"},
                        {"machine.json", "/lab/artifacts/machine.json"}};
    size_t count = 0;
    for (; count < CF_IMAGES && target->images[count] != NULL; count++)
        copies[count] = (struct cf_lab_copy){target->images[count], targets[count], 0644};
    for (size_t i = 0; i < BESIDE && count > 0; i++) {
        int folder = (int)(strrchr(target->images[0], '/') - target->images[0]);
        snprintf(paths[i], PATH_MAX, "%.*s/%s", folder, target->images[0], beside[i].name);
        if (access(paths[i], F_OK) == 0)
            copies[count++] = (struct cf_lab_copy){paths[i], beside[i].target, 0644};
    }
    return count;
}

static int start_lab(struct cf_observation *observation, enum cf_leg leg, const struct cf_run *run,
                     const struct cf_target *target, struct cf_error *err)
{
    const struct cf_plan_launch *launch = observation->launch;
    char path[PATH_MAX], probe[PATH_MAX], sidecar[PATH_MAX], recorder[PATH_MAX];
    struct body body = {.launch = launch, .leg = leg, .target = target};
    const char *name = strrchr(target->runner, '/') + 1;
    launch_path(path, sizeof path, run, launch->launch->name, cf_leg_name(leg));
    int failed = make_directory(path, err);
    if (failed != 0)
        return failed;
    body.evidence_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (body.evidence_fd < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", path);
    snprintf(body.runner, sizeof body.runner, "/lab/runner/%s", name);
    snprintf(probe, sizeof probe, "%s/firma-probe", target->bin);
    snprintf(sidecar, sizeof sidecar, "%s/fake-sidecar", target->bin);
    snprintf(recorder, sizeof recorder, "%s/recorder-runner", target->bin);
    char beside[BESIDE][PATH_MAX];
    struct cf_lab_copy copies[OWN_COPIES + CF_IMAGES + BESIDE] = {
        {target->launcher, "/lab/bin/firma-run", 0755},
        {probe, "/lab/bin/firma-probe", 0755},
        {sidecar, "/lab/bin/fake-sidecar", 0755},
        {recorder, "/lab/bin/recorder-runner", 0755},
        {target->runner, body.runner, 0755},
    };
    size_t count = OWN_COPIES;
    if (needs_images(launch->launch, leg))
        count += add_images(copies + count, target, beside);
    const struct cf_lab_config config = {
        .evidence_fd = body.evidence_fd,
        .hidden = run->directory,
        .copies = copies,
        .copy_count = count,
        .second_user = cf_launch_has_second_user(launch->launch),
        .observe = true,
    };
    failed = cf_lab_start(&config, run_body, &body, &observation->labs[leg], err);
    close(body.evidence_fd);
    return failed;
}

int cf_observe_start(struct cf_observation *observation, const struct cf_run *run,
                     const struct cf_target *target, const struct cf_plan_launch *launch,
                     struct cf_error *err)
{
    char path[PATH_MAX];
    *observation = (struct cf_observation){.launch = launch, .labs = {-1, -1}, .started = cf_now()};
    snprintf(path, sizeof path, "%s/launches", run->directory);
    int failed = make_directory(path, err);
    launch_path(path, sizeof path, run, launch->launch->name, "");
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    if (failed == 0)
        failed = make_directory(path, err);
    for (int leg = 0; leg < CF_LEG_COUNT && failed == 0; leg++)
        failed = start_lab(observation, leg, run, target, err);
    return failed;
}

/* Every file below the launch with its digest, so that any later change shows. */
static json_t *digest_legs(const char *directory, struct cf_error *err)
{
    json_t *files = json_object();
    int dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int leg = 0; leg < CF_LEG_COUNT; leg++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", directory, cf_leg_name(leg));
        struct dirent **entries = NULL;
        int count = scandir(path, &entries, NULL, alphasort);
        for (int i = 0; i < count; i++) {
            char digest[65];
            size_t size = 0;
            snprintf(path, sizeof path, "%s/%s", cf_leg_name(leg), entries[i]->d_name);
            if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0 &&
                cf_digest_file(dirfd, path, digest, &size, err) == 0)
                json_object_set_new(
                    files, path, json_pack("{sssI}", "sha256", digest, "bytes", (json_int_t)size));
            free(entries[i]);
        }
        free(entries);
    }
    if (dirfd >= 0)
        close(dirfd);
    return files;
}

/* The last `error` record of a failed lab, which says why. */
static json_t *lab_error(const char *directory, enum cf_leg leg)
{
    static const char *const logs[] = {"lab", "harness"};
    json_t *why = NULL;
    for (size_t i = 0; i < 2; i++) {
        char path[PATH_SIZE], line[8192];
        snprintf(path, sizeof path, "%s/%s/%s.jsonl", directory, cf_leg_name(leg), logs[i]);
        FILE *in = fopen(path, "re");
        while (in != NULL && fgets(line, sizeof line, in) != NULL) {
            json_t *record = json_loads(line, 0, NULL);
            const char *event = json_string_value(json_object_get(record, "event"));
            if (event != NULL && strcmp(event, "error") == 0 && why == NULL)
                why = json_incref(json_object_get(record, "text"));
            json_decref(record);
        }
        if (in != NULL)
            fclose(in);
    }
    return why;
}

static json_t *await_lab(const char *directory, enum cf_leg leg, struct cf_observation *observation)
{
    pid_t pid = observation->labs[leg];
    while (pid > 0 && waitpid(pid, &observation->statuses[leg], 0) < 0 && errno == EINTR) {
    }
    int status = observation->statuses[leg];
    int code = pid >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    json_t *why = code == 0 ? NULL : lab_error(directory, leg);
    return json_pack("{siso?}", "status", code, "error", why);
}

int cf_observe_finish(struct cf_observation *observation, const struct cf_run *run,
                      const struct cf_target *target, struct cf_error *err)
{
    char directory[PATH_MAX];
    launch_path(directory, sizeof directory, run, observation->launch->launch->name, "");
    json_t *legs = json_object();
    for (int leg = 0; leg < CF_LEG_COUNT; leg++)
        json_object_set_new(legs, cf_leg_name(leg), await_lab(directory, leg, observation));
    json_t *json = cf_plan_json(observation->launch);
    json_object_update_new(
        json,
        json_pack("{ss ss ss ss so s{ssss} s{si} sI so so}", "schema", "firma-bundle/1", "run",
                  run->id, "invocation", run->invocation, "register_sha256", run->register_sha256,
                  "subject", cf_target_json(target), "launcher", "path", target->launcher, "sha256",
                  target->launcher_sha256, "windows", "settle_ms", CF_SETTLE_MS, "duration_ms",
                  (json_int_t)((cf_now() - observation->started) / 1000000u), "legs", legs, "files",
                  digest_legs(directory, err)));
    int failed = cf_record_write(directory, "launch.json", json, err);
    json_decref(json);
    return failed;
}

static bool is_over(const struct cf_observation *observation)
{
    for (int leg = 0; leg < CF_LEG_COUNT; leg++)
        if (observation->labs[leg] > 0)
            return false;
    return true;
}

/* Reaps labs until both of one launch have ended: one that has the other still to wait for must not
 * hold up what could be observed meanwhile. */
static size_t await_any(struct cf_observation *running, size_t count)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid < 0 && errno != EINTR)
            return 0;
        for (size_t i = 0; pid > 0 && i < count; i++) {
            for (int leg = 0; leg < CF_LEG_COUNT; leg++) {
                if (running[i].labs[leg] != pid)
                    continue;
                running[i].labs[leg] = 0;
                running[i].statuses[leg] = status;
                if (is_over(&running[i]))
                    return i;
            }
        }
    }
}

int cf_observe_all(const struct cf_run *run, const struct cf_target *target,
                   const struct cf_plan *plan, unsigned jobs,
                   void (*progress)(void *context, const char *name, size_t done, size_t all),
                   void *context, struct cf_error *err)
{
    struct cf_observation *running = calloc(jobs, sizeof *running);
    size_t next = 0, count = 0, done = 0;
    int failed = running == NULL ? cf_fail(err, CF_E_SYSTEM, ENOMEM, "observing") : 0;
    while (running != NULL && failed == 0 && (next < plan->count || count > 0)) {
        if (next < plan->count && count < jobs) {
            const struct cf_plan_launch *launch = &plan->launches[next++];
            if (launch->count == 0) { /* nothing of it can be shown here */
                done++;
                continue;
            }
            progress(context, launch->launch->name, done, plan->count);
            failed = cf_observe_start(&running[count++], run, target, launch, err);
            continue;
        }
        size_t ended = await_any(running, count);
        failed = cf_observe_finish(&running[ended], run, target, err);
        running[ended] = running[--count];
        done++;
    }
    progress(context, NULL, done, plan->count);
    while (count > 0) /* after a failure, do not leave labs behind */
        cf_observe_finish(&running[--count], run, target, NULL);
    free(running);
    return failed;
}
