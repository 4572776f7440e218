/* verify.c - every verdict of a finished run again, from its evidence alone. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report/report.h"
#include "result.h"
#include "verbs/verbs.h"

static json_t *load(const char *directory, const char *name, struct cf_error *err)
{
    char path[4096];
    json_error_t where;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    json_t *value = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (value == NULL)
        cf_fail(err, CF_E_BUNDLE, 0, "%s: %s", path, where.text);
    return value;
}

static const json_t *find(const json_t *rows, const char *id)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *is = json_string_value(json_object_get(json_array_get(rows, i), "id"));
        if (is != NULL && strcmp(is, id) == 0)
            return json_array_get(rows, i);
    }
    return NULL;
}

/* Says every row whose stored verdict is not the one that its evidence gives. */
static unsigned compare(const json_t *computed, const json_t *stored)
{
    const json_t *rows = json_object_get(computed, "rows");
    const json_t *claims = json_object_get(stored, "rows");
    unsigned differences = json_array_size(rows) != json_array_size(claims);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *id = json_string_value(json_object_get(row, "id"));
        const json_t *claim = json_object_get(find(claims, id), "verdict");
        if (json_equal(claim, json_object_get(row, "verdict")))
            continue;
        differences++;
        printf("%s: the report says %s, the evidence says %s: %s\n", id,
               claim == NULL ? "nothing" : json_string_value(claim),
               json_string_value(json_object_get(row, "verdict")),
               json_string_value(json_object_get(row, "reason")));
    }
    return differences;
}

int cf_verb_verify(const struct cf_options *options, struct cf_error *err)
{
    if (options->argument == NULL)
        return cf_fail(err, CF_E_USAGE, 0, "verify: name the directory of a run");
    json_t *record = load(options->argument, "run.json", err);
    json_t *stored = record == NULL ? NULL : load(options->argument, "conformance.json", err);
    json_t *computed = stored == NULL ? NULL : cf_result_judge(options->argument, record, err);
    int status = -CF_E_BUNDLE;
    if (computed != NULL) {
        unsigned differences = compare(computed, stored);
        status = cf_result_exit(computed);
        if (differences > 0)
            status = status == CF_EXIT_FAIL ? CF_EXIT_FAIL : CF_EXIT_INCONCLUSIVE;
        printf("%zu verdicts recomputed from the evidence, %u differ from the report\n",
               json_array_size(json_object_get(computed, "rows")), differences);
    }
    json_decref(computed);
    json_decref(stored);
    json_decref(record);
    return status;
}

int cf_verb_report(const struct cf_options *options, struct cf_error *err)
{
    if (options->argument == NULL)
        return cf_fail(err, CF_E_USAGE, 0, "report: name the directory of a run");
    json_t *record = load(options->argument, "run.json", err);
    json_t *result = record == NULL ? NULL : cf_result_judge(options->argument, record, err);
    int status = result == NULL ? -CF_E_BUNDLE : cf_result_exit(result);
    if (result != NULL && options->row_count == 1) {
        int failed = cf_report_explain(stdout, options->argument, result, options->rows[0], err);
        status = failed != 0 ? failed : status;
    } else if (result != NULL) {
        cf_report_table(stdout, options->argument, result, isatty(STDOUT_FILENO));
        int failed = options->profile ? cf_report_profile(stdout, options->argument, err) : 0;
        status = failed != 0 ? failed : status;
    }
    json_decref(result);
    json_decref(record);
    return status;
}
