/* judge.c - one row, judged from the bundle of this invocation: CTest's entry. */
#include <stdio.h>
#include <string.h>

#include "base/invocation.h"
#include "judge/judge.h"
#include "observe.h"
#include "result.h"
#include "verbs/verbs.h"

static int tell(const json_t *verdict)
{
    const char *is = json_string_value(json_object_get(verdict, "verdict"));
    size_t index;
    json_t *item;
    printf("%s: %s\n%s\n", json_string_value(json_object_get(verdict, "id")), is,
           json_string_value(json_object_get(verdict, "reason")));
    json_array_foreach (json_object_get(verdict, "legs"), index, item) {
        printf("  %s %s: %s\n", json_is_true(json_object_get(item, "ok")) ? "holds  " : "missing",
               json_string_value(json_object_get(item, "name")),
               json_string_value(json_object_get(item, "detail")));
    }
    json_array_foreach (json_object_get(verdict, "violations"), index, item) {
        printf("  violation: %s (%s, record %d)\n",
               json_string_value(json_object_get(item, "what")),
               json_string_value(json_object_get(item, "file")),
               (int)json_integer_value(json_object_get(item, "seq")));
    }
    if (strcmp(is, "PASS") == 0)
        return CF_EXIT_PASS;
    if (strcmp(is, "NOT_APPLICABLE") == 0)
        return CF_EXIT_SKIPPED;
    return strcmp(is, "FAIL") == 0 ? CF_EXIT_FAIL : CF_EXIT_INCONCLUSIVE;
}

static int judge(const struct cf_options *options, const struct cf_row *row,
                 const struct cf_target *target, const char *excuse, struct cf_error *err)
{
    char invocation[128], digest[65];
    struct cf_evidence evidence;
    cf_invocation_of_parent(invocation, sizeof invocation);
    int failed = cf_register_digest(digest, err);
    const struct cf_expected expected = {.invocation = invocation,
                                         .register_sha256 = digest,
                                         .subject_sha256 = target->runner_sha256,
                                         .launcher_sha256 = target->launcher_sha256};
    if (failed == 0)
        failed = cf_evidence_load(&evidence, options->out, row->launch, &expected, err);
    if (failed != 0)
        return failed;
    json_t *verdict = cf_judge_excused(&evidence, row, excuse);
    int status = tell(verdict);
    json_decref(verdict);
    cf_evidence_release(&evidence);
    return status;
}

static int tell_excuse(const struct cf_row *row, const char *excuse)
{
    json_t *verdict = cf_judge_not_applicable(row, excuse);
    int status = tell(verdict);
    json_decref(verdict);
    return status;
}

int cf_verb_judge(const struct cf_options *options, struct cf_error *err)
{
    struct cf_target target = {0};
    const struct cf_row *row = options->row_count == 1 ? cf_row_find(options->rows[0]) : NULL;
    if (row == NULL || options->out == NULL)
        return cf_fail(err, CF_E_USAGE, 0, "judge: one --row ID and --out DIR are needed");
    const struct cf_wanted wanted = {options->runner, options->kind, options->launcher,
                                     options->scale, options->bin};
    int failed = cf_target_find(&target, &wanted, err);
    bool tried = false;
    const char *excuse = failed == 0 ? cf_excuse(row, target.kind, &tried) : NULL;
    if (failed == 0 && excuse != NULL && !tried)
        failed = tell_excuse(row, excuse);
    else if (failed == 0)
        failed = judge(options, row, &target, excuse, err);
    cf_target_release(&target);
    return failed;
}
