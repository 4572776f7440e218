/* run.c - plan, observe, judge, report: the front door. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/nonce.h"
#include "base/record.h"
#include "lab/lab.h"
#include "observe.h"
#include "report/report.h"
#include "result.h"
#include "scenarios/bounds.h"
#include "verbs/verbs.h"

/* A run in the making. */
struct making {
    const struct cf_options *options;
    struct cf_target target;
    struct cf_plan plan;
    struct cf_run run;
    char directory[PATH_MAX], id[80], invocation[CF_NONCE_TEXT], created[32];
    json_t *planned, *not_applicable;
    uint64_t started, observed;
};

static int make_directory(struct making *making, struct cf_error *err)
{
    const char *out = making->options->out != NULL ? making->options->out : "reports";
    char root[PATH_MAX];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(making->created, sizeof making->created, "%Y-%m-%dT%H:%M:%SZ", &utc);
    int failed = cf_nonce(making->invocation, err);
    if (failed != 0)
        return failed;
    strftime(making->id, sizeof making->id, "%Y%m%d-%H%M%S", &utc);
    snprintf(making->id + strlen(making->id), sizeof making->id - strlen(making->id), "-%.6s",
             making->invocation);
    if (mkdir(out, 0755) != 0 && errno != EEXIST)
        return cf_fail(err, CF_E_SYSTEM, errno, "--out %s", out);
    if (realpath(out, root) == NULL)
        return cf_fail(err, CF_E_SYSTEM, errno, "--out %s", out);
    if (snprintf(making->directory, sizeof making->directory, "%s/%s", root, making->id) >=
        (int)sizeof making->directory)
        return cf_fail(err, CF_E_SYSTEM, ENAMETOOLONG, "--out %s", out);
    if (mkdir(making->directory, 0755) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", making->directory);
    making->run = (struct cf_run){
        .directory = making->directory, .id = making->id, .invocation = making->invocation};
    return cf_register_digest(making->run.register_sha256, err);
}

/* Takes rows that this platform cannot show out of the plan, and records why. */
static void excuse_platform(struct making *making)
{
    for (size_t i = 0; i < making->plan.count; i++) {
        struct cf_plan_launch *launch = &making->plan.launches[i];
        size_t kept = 0;
        for (size_t r = 0; r < launch->count; r++) {
            bool tried = false;
            const char *excuse = cf_excuse(launch->rows[r].row, making->target.kind, &tried);
            const char *id = launch->rows[r].row->id;
            json_array_append_new(making->planned, json_string(id));
            if (excuse != NULL)
                json_object_set_new(making->not_applicable, id, json_string(excuse));
            if (excuse == NULL || tried)
                launch->rows[kept++] = launch->rows[r];
        }
        launch->count = kept;
    }
}

static int prepare(struct making *making, struct cf_error *err)
{
    const struct cf_options *options = making->options;
    making->planned = json_array();
    making->not_applicable = json_object();
    const struct cf_wanted wanted = {options->runner, options->kind, options->launcher,
                                     options->scale, options->bin};
    int failed = cf_target_find(&making->target, &wanted, err);
    if (failed == 0)
        failed = cf_plan_make(&making->plan, options->rows, options->row_count, err);
    if (failed == 0)
        failed = cf_lab_check(err);
    if (failed == 0)
        failed = make_directory(making, err);
    if (failed == 0) {
        cf_plan_for(&making->plan, making->target.kind);
        excuse_platform(making);
    }
    return failed;
}

static json_t *launch_digests(const struct making *making)
{
    json_t *digests = json_object();
    for (size_t i = 0; i < making->plan.count; i++) {
        const char *name = making->plan.launches[i].launch->name;
        char path[PATH_MAX + 64], digest[65];
        snprintf(path, sizeof path, "%s/launches/%s/launch.json", making->directory, name);
        if (cf_digest_file(AT_FDCWD, path, digest, NULL, NULL) == 0)
            json_object_set_new(digests, name, json_string(digest));
    }
    return digests;
}

static json_t *make_record(const struct making *making)
{
    struct utsname system;
    uname(&system);
    return json_pack(
        "{ss ss ss ss ss so s{ssss} s{sssssssi} s{sisisisi} sI sO sO so}", "schema",
        "firma-run-record/1", "run", making->id, "created", making->created, "invocation",
        making->invocation, "register_sha256", making->run.register_sha256, "subject",
        cf_target_json(&making->target), "launcher", "path", making->target.launcher, "sha256",
        making->target.launcher_sha256, "platform", "system", system.sysname, "release",
        system.release, "machine", system.machine, "uid", (int)getuid(), "windows", "settle_ms",
        CF_SETTLE_MS, "launch_ms", (int)making->target.launch_ms, "refusal_ms", CF_REFUSAL_MS,
        "gone_ms", CF_GONE_MS, "duration_ms", (json_int_t)((cf_now() - making->started) / 1000000u),
        "planned", making->planned, "not_applicable", making->not_applicable, "launches",
        launch_digests(making));
}

/* `latest` beside the run points at it; replaced in one step. */
static void point_latest(const struct making *making)
{
    char link[PATH_MAX + 64], part[PATH_MAX + 64];
    int root = (int)(strrchr(making->directory, '/') - making->directory);
    snprintf(link, sizeof link, "%.*s/latest", root, making->directory);
    snprintf(part, sizeof part, "%.*s/.latest-%s", root, making->directory, making->id);
    if (symlink(making->id, part) == 0 && rename(part, link) != 0)
        unlink(part);
}

static void show_progress(void *context, const char *name, size_t done, size_t all)
{
    if (name == NULL)
        cf_report_progress_end(context);
    else
        cf_report_progress(context, "observing", name, done, all);
}

static int explain_all(const struct making *making, const json_t *result, struct cf_error *err)
{
    size_t index;
    json_t *row;
    int failed = 0;
    json_array_foreach (json_object_get(result, "rows"), index, row) {
        const char *id = json_string_value(json_object_get(row, "id"));
        if (failed == 0)
            failed = cf_report_explain(stdout, making->directory, result, id, err);
    }
    return failed;
}

static int report(const struct making *making, const json_t *result, struct cf_error *err)
{
    const struct cf_options *options = making->options;
    int failed = cf_report_write(making->directory, result, err);
    if (failed != 0)
        return failed;
    point_latest(making);
    if (options->verbose && options->row_count > 0)
        failed = explain_all(making, result, err);
    if (options->json)
        json_dumpf(result, stdout, JSON_INDENT(1));
    else
        cf_report_table(stdout, making->directory, result, isatty(STDOUT_FILENO));
    return failed;
}

static double seconds(struct timeval one, struct timeval other)
{
    return (double)(one.tv_sec + other.tv_sec) + (double)(one.tv_usec + other.tv_usec) / 1e6;
}

/* Where the time went; everything that was started has been waited for by now. */
static int show_profile(const struct making *making, struct cf_error *err)
{
    struct rusage own, labs;
    int failed = cf_report_profile(stdout, making->directory, err);
    if (failed != 0 || getrusage(RUSAGE_SELF, &own) != 0 || getrusage(RUSAGE_CHILDREN, &labs) != 0)
        return failed;
    printf("  judging and reporting %.2f; processor: user %.2f, system %.2f\n",
           (double)(cf_now() - making->observed) / 1e9, seconds(own.ru_utime, labs.ru_utime),
           seconds(own.ru_stime, labs.ru_stime));
    return 0;
}

/* The record stands before anything is judged, so that the evidence can be judged again whatever
 * becomes of this judging; what that finds out about the observers is added to it. */
static int judge(const struct making *making, json_t *record, json_t **result, struct cf_error *err)
{
    int failed = cf_record_write(making->directory, "run.json", record, err);
    if (failed != 0)
        return failed;
    *result = cf_result_judge(making->directory, record, err);
    if (*result == NULL)
        return -CF_E_SYSTEM;
    json_object_set(record, "observers", json_object_get(*result, "observers"));
    return cf_record_write(making->directory, "run.json", record, err);
}

static int carry_out(struct making *making, struct cf_error *err)
{
    struct cf_progress progress;
    int failed = prepare(making, err);
    if (failed != 0)
        return failed;
    cf_report_progress_begin(&progress, stderr);
    failed = cf_observe_all(&making->run, &making->target, &making->plan, making->options->jobs,
                            show_progress, &progress, err);
    if (failed != 0)
        return failed;
    making->observed = cf_now();
    json_t *record = make_record(making), *result = NULL;
    failed = judge(making, record, &result, err);
    if (failed == 0)
        failed = report(making, result, err);
    if (failed == 0 && making->options->profile && !making->options->json)
        failed = show_profile(making, err);
    int status = failed == 0 ? cf_result_exit(result) : failed;
    json_decref(result);
    json_decref(record);
    return status;
}

int cf_verb_run(const struct cf_options *options, struct cf_error *err)
{
    struct making making = {.options = options, .started = cf_now()};
    int status = carry_out(&making, err);
    json_decref(making.planned);
    json_decref(making.not_applicable);
    cf_plan_release(&making.plan);
    cf_target_release(&making.target);
    return status;
}
