#include "result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "judge/judge.h"
#include "register/register.h"

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* What a bundle must show to belong to the run that RECORD describes. */
static void expect(struct cf_expected *expected, const json_t *record)
{
    expected->invocation = text_of(record, "invocation");
    expected->register_sha256 = text_of(record, "register_sha256");
    expected->subject_sha256 = text_of(json_object_get(record, "subject"), "sha256");
    expected->launcher_sha256 = text_of(json_object_get(record, "launcher"), "sha256");
}

/* launch.json holds the digests of everything else; run.json holds the digest of launch.json. */
static bool launch_is_recorded(const char *dir, const json_t *record, const char *launch)
{
    char path[2048], digest[65];
    const char *claimed = text_of(json_object_get(record, "launches"), launch);
    snprintf(path, sizeof path, "%s/launches/%s/launch.json", dir, launch);
    return claimed != NULL && cf_digest_file(AT_FDCWD, path, digest, NULL, NULL) == 0 &&
           strcmp(claimed, digest) == 0;
}

/* Of each lab: "well", or the first thing that was wrong with its observers. */
static json_t *health_of(const struct cf_evidence *evidence)
{
    json_t *labs = json_object();
    for (int leg = 0; leg < CF_LEG_COUNT; leg++) {
        const char *problem =
            evidence->problem[0] != '\0' ? evidence->problem : evidence->legs[leg].problem;
        json_object_set_new(labs, cf_leg_name(leg),
                            json_string(problem[0] == '\0' ? "well" : problem));
    }
    return labs;
}

/* Appends the launch's rows to ROWS, and its labs' health to OBSERVERS if it was played at all. */
static int judge_launch(const char *dir, const json_t *record, const struct cf_launch *launch,
                        const struct cf_row *const *planned, json_t *rows, json_t *observers,
                        struct cf_error *err)
{
    struct cf_evidence evidence;
    struct cf_expected expected;
    const json_t *excuses = json_object_get(record, "not_applicable");
    expect(&expected, record);
    int failed = cf_evidence_load(&evidence, dir, launch->name, &expected, err);
    if (failed != 0)
        return failed;
    if (evidence.problem[0] == '\0' && !launch_is_recorded(dir, record, launch->name))
        snprintf(evidence.problem, sizeof evidence.problem,
                 "launch.json was changed after the run, or is not this run's");
    if (text_of(json_object_get(record, "launches"), launch->name) != NULL)
        json_object_set_new(observers, launch->name, health_of(&evidence));
    for (; *planned != NULL; planned++)
        if (strcmp((*planned)->launch, launch->name) == 0)
            json_array_append_new(
                rows, cf_judge_excused(&evidence, *planned, text_of(excuses, (*planned)->id)));
    cf_evidence_release(&evidence);
    return 0;
}

static int count_verdicts(const json_t *rows, const char *verdict)
{
    size_t index;
    json_t *row;
    int count = 0;
    json_array_foreach ((json_t *)rows, index, row) {
        const char *is = text_of(row, "verdict");
        count += is != NULL && strcmp(is, verdict) == 0;
    }
    return count;
}

/* Of every invariant that has a row here, at least one row must pass. */
static void check_invariants(const json_t *rows, json_t *problems)
{
    for (int i = 0; i < CF_INVARIANT_COUNT; i++) {
        const char *name = cf_invariant_name((enum cf_invariant)i);
        bool planned = false, passed = false;
        size_t index;
        json_t *row;
        json_array_foreach ((json_t *)rows, index, row) {
            if (strcmp(text_of(row, "invariant"), name) != 0)
                continue;
            planned = true;
            passed = passed || strcmp(text_of(row, "verdict"), "PASS") == 0;
        }
        if (planned && !passed)
            json_array_append_new(problems,
                                  json_sprintf("an invariant without a PASS row: %s", name));
    }
}

/* The rows of IDS in their order, and NULL after the last; freed by the caller. NULL with ERR when
 * one of them is unknown. */
static const struct cf_row **find_rows(const json_t *ids, struct cf_error *err)
{
    const struct cf_row **rows = calloc(json_array_size(ids) + 1, sizeof(const struct cf_row *));
    if (rows == NULL) {
        cf_fail(err, CF_E_SYSTEM, ENOMEM, "judging");
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *name = json_string_value(json_array_get(ids, i));
        rows[i] = cf_row_find(name);
        if (rows[i] != NULL)
            continue;
        cf_fail(err, CF_E_BUNDLE, 0, "run.json: planned: no row is called %s",
                name == NULL ? "(not a string)" : name);
        free(rows);
        return NULL;
    }
    return rows;
}

static bool is_planned(const struct cf_launch *launch, const struct cf_row *const *planned)
{
    while (*planned != NULL && strcmp((*planned)->launch, launch->name) != 0)
        planned++;
    return *planned != NULL;
}

static int judge_all(const char *dir, const json_t *record, json_t *rows, json_t *observers,
                     struct cf_error *err)
{
    const struct cf_row **planned = find_rows(json_object_get(record, "planned"), err);
    int failed = planned == NULL ? -1 : 0;
    for (size_t i = 0; failed == 0 && i < cf_launch_count; i++)
        if (is_planned(&cf_launches[i], planned))
            failed = judge_launch(dir, record, &cf_launches[i], planned, rows, observers, err);
    free(planned);
    return failed;
}

static json_t *assemble(const json_t *record, json_t *rows, json_t *observers)
{
    size_t planned = json_array_size(json_object_get(record, "planned"));
    static const char *const copied[] = {"run",      "created",         "subject", "launcher",
                                         "platform", "register_sha256", "windows", "duration_ms"};
    json_t *result = json_pack("{ss}", "schema", "firma-conformance/1");
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
        json_object_set(result, copied[i], json_object_get(record, copied[i]));
    json_t *problems = json_array();
    check_invariants(rows, problems);
    if (planned == 0)
        json_array_append_new(problems, json_string("no row was selected"));
    if (json_array_size(rows) != planned)
        json_array_append_new(problems, json_sprintf("%d rows were planned, %d judged",
                                                     (int)planned, (int)json_array_size(rows)));
    json_object_set_new(result, "counts",
                        json_pack("{sisisisisi}", "planned", (int)planned, "pass",
                                  count_verdicts(rows, "PASS"), "fail",
                                  count_verdicts(rows, "FAIL"), "inconclusive",
                                  count_verdicts(rows, "INCONCLUSIVE"), "not_applicable",
                                  count_verdicts(rows, "NOT_APPLICABLE")));
    json_object_set_new(result, "problems", problems);
    json_object_set(result, "observers", observers);
    json_object_set(result, "rows", rows);
    json_object_set_new(result, "exit", json_integer(cf_result_exit(result)));
    return result;
}

json_t *cf_result_judge(const char *dir, const json_t *record, struct cf_error *err)
{
    char digest[65];
    const json_t *ids = json_object_get(record, "planned");
    const char *made_from = text_of(record, "register_sha256");
    struct cf_expected expected;
    expect(&expected, record);
    if (!json_is_array(ids) || made_from == NULL || expected.invocation == NULL ||
        expected.subject_sha256 == NULL || expected.launcher_sha256 == NULL) {
        cf_fail(err, CF_E_BUNDLE, 0, "%s/run.json is not the record of a run", dir);
        return NULL;
    }
    if (cf_register_digest(digest, err) != 0)
        return NULL;
    if (strcmp(made_from, digest) != 0) {
        cf_fail(err, CF_E_BUNDLE, 0,
                "%s was planned from another register than this program's; judge it with the "
                "version that made it",
                dir);
        return NULL;
    }
    json_t *rows = json_array(), *observers = json_object();
    int failed = judge_all(dir, record, rows, observers, err);
    json_t *result = failed == 0 ? assemble(record, rows, observers) : NULL;
    json_decref(rows);
    json_decref(observers);
    return result;
}

int cf_result_exit(const json_t *result)
{
    const json_t *rows = json_object_get(result, "rows");
    int judged = count_verdicts(rows, "PASS") + count_verdicts(rows, "NOT_APPLICABLE");
    if (count_verdicts(rows, "FAIL") > 0)
        return CF_EXIT_FAIL;
    if (json_array_size(json_object_get(result, "problems")) > 0 ||
        judged != (int)json_array_size(rows))
        return CF_EXIT_INCONCLUSIVE;
    return CF_EXIT_PASS;
}
