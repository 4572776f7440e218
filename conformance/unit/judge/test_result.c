/* test_result.c - from rows to an exit status; a plan that was not carried out is never green. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "made.h"
#include "register/register.h"
#include "result.h"
#include "tamper_tools.h"

static struct bundle made;

static int make(void **state)
{
    (void)state;
    made_run(&made);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    bundle_remove(&made);
    return 0;
}

/* ---- exit statuses of results made by hand ---- */

/* VERDICTS: P, F, I, N for each row, ? for a verdict nobody knows, - for a row without one. */
static int exit_of(const char *verdicts, const char *problem)
{
    static const char letters[] = "PFIN?";
    static const char *const names[] = {"PASS", "FAIL", "INCONCLUSIVE", "NOT_APPLICABLE", "pass"};
    json_t *result = json_pack("{s[]s[]}", "rows", "problems");
    for (; *verdicts != '\0'; verdicts++) {
        json_t *row = json_pack("{ss}", "id", "by.tcp4");
        if (*verdicts != '-')
            json_object_set_new(row, "verdict",
                                json_string(names[strchr(letters, *verdicts) - letters]));
        json_array_append_new(json_object_get(result, "rows"), row);
    }
    if (problem != NULL)
        json_array_append_new(json_object_get(result, "problems"), json_string(problem));
    int status = cf_result_exit(result);
    json_decref(result);
    return status;
}

static void fail_beats_inconclusive_beats_pass(void **state)
{
    (void)state;
    assert_int_equal(exit_of("PPP", NULL), 0);
    assert_int_equal(exit_of("PNP", NULL), 0);
    assert_int_equal(exit_of("PFP", NULL), 1);
    assert_int_equal(exit_of("PIP", NULL), 2);
    assert_int_equal(exit_of("PIF", NULL), 1);
    assert_int_equal(exit_of("FIN", NULL), 1);
}

static void a_problem_is_inconclusive_unless_a_row_failed(void **state)
{
    (void)state;
    assert_int_equal(exit_of("PPP", "fewer rows"), 2);
    assert_int_equal(exit_of("PFP", "fewer rows"), 1);
    assert_int_equal(exit_of("", "no row"), 2);
}

static void a_verdict_nobody_knows_is_no_pass(void **state)
{
    (void)state;
    assert_int_equal(exit_of("P?P", NULL), 2);
    assert_int_equal(exit_of("P-P", NULL), 2);
}

/* ---- runs whose record says more than was done ---- */

/* Judges a copy of the run whose run.json has KEY set to VALUE (NULL: without KEY). The exit
 * status, or -1 when it is no run at all; WORD must stand in its problems. */
static int exit_with(const char *key, json_t *value, const char *word)
{
    struct cf_error err = {0};
    json_t *run = bundle_json(&made, "run.json");
    if (value == NULL)
        json_object_del(run, key);
    else
        json_object_set_new(run, key, value);
    json_t *result = cf_result_judge(made.dir, run, &err);
    int status = result == NULL ? -1 : cf_result_exit(result);
    if (result == NULL)
        assert_true(err.text[0] != '\0');
    char *problems = json_dumps(json_object_get(result, "problems"), JSON_ENCODE_ANY);
    if (word != NULL && (problems == NULL || strstr(problems, word) == NULL))
        fail_msg("the problems are %s, none has \"%s\"", problems, word);
    if (result != NULL) /* what stands in the report is what was returned */
        assert_int_equal(json_integer_value(json_object_get(result, "exit")), status);
    free(problems);
    json_decref(result);
    json_decref(run);
    return status;
}

static void the_made_run_passes(void **state)
{
    (void)state;
    assert_int_equal(exit_with("nothing", NULL, NULL), 0);
}

static void nothing_planned_is_not_green(void **state)
{
    (void)state;
    assert_int_equal(exit_with("planned", json_array(), "no row was selected"), 2);
}

static void a_planned_launch_without_evidence(void **state)
{
    (void)state;
    assert_int_equal(exit_with("planned", json_pack("[ss]", "by.tcp4", "io.exit-42"),
                               "preserve_stdio_signals_exit"),
                     2);
    assert_int_equal(exit_with("planned", json_pack("[ss]", "by.tcp4", "by.late-tcp4"), NULL), 2);
}

static void a_planned_row_its_launch_does_not_know(void **state)
{
    (void)state;
    assert_int_equal(exit_with("planned", json_pack("[ss]", "by.tcp4", "by.tcp6"), NULL), 2);
}

static void an_unknown_row_is_no_run(void **state)
{
    (void)state;
    assert_int_equal(exit_with("planned", json_pack("[ss]", "by.tcp4", "by.tcp5"), NULL), -1);
}

static void an_invariant_without_a_pass(void **state)
{
    (void)state;
    assert_int_equal(exit_with("not_applicable",
                               json_pack("{ss}", "by.tcp4", "not on this machine"),
                               "direct_bypass_resistant"),
                     2);
}

/* NOT_APPLICABLE is the platform's or operator's word; a reason is owed. */
static void an_excuse_without_a_reason_is_none(void **state)
{
    (void)state;
    assert_int_equal(exit_with("not_applicable", json_pack("{si}", "by.tcp4", 1), NULL), 0);
    assert_int_equal(exit_with("not_applicable", json_pack("{sn}", "by.tcp4"), NULL), 0);
}

static void what_is_no_run_is_not_judged(void **state)
{
    (void)state;
    assert_int_equal(exit_with("planned", NULL, NULL), -1);
    assert_int_equal(exit_with("planned", json_string("by.tcp4"), NULL), -1);
    assert_int_equal(exit_with("invocation", NULL, NULL), -1);
    assert_int_equal(exit_with("register_sha256", NULL, NULL), -1);
    assert_int_equal(exit_with("register_sha256", json_string("00"), NULL), -1);
}

static void a_run_of_another_subject(void **state)
{
    (void)state;
    assert_int_equal(exit_with("subject", json_pack("{ss}", "sha256", "00"), NULL), 2);
    assert_int_equal(exit_with("launcher", json_pack("{ss}", "sha256", "00"), NULL), 2);
    assert_int_equal(exit_with("invocation", json_string("00"), NULL), 2);
    assert_int_equal(exit_with("launches", json_object(), NULL), 2);
}

/* A record that does not say what was judged cannot vouch for it. */
static void a_run_that_names_no_subject(void **state)
{
    (void)state;
    assert_int_not_equal(exit_with("subject", NULL, NULL), 0);
    assert_int_not_equal(exit_with("launcher", json_object(), NULL), 0);
}

/* ---- who listened ---- */

static void expect_health(const struct bundle *bundle, const char *lab, const char *word)
{
    json_t *result = bundle_judge(bundle);
    const json_t *labs = json_object_get(json_object_get(result, "observers"), "net");
    const char *health = json_string_value(json_object_get(labs, lab));
    if (health == NULL || strstr(health, word) == NULL)
        fail_msg("the %s lab is \"%s\", should be \"%s\"", lab, health, word);
    json_decref(result);
}

static void the_health_of_both_labs_is_told(void **state)
{
    (void)state;
    struct bundle copy;
    expect_health(&made, "control", "well");
    expect_health(&made, "subject", "well");
    bundle_copy(&copy, made.dir);
    tamper_set(&copy, "launches/net/subject/capture.jsonl", "stats", "drops", json_integer(1));
    bundle_seal(&copy, "net");
    expect_health(&copy, "control", "well");
    expect_health(&copy, "subject", "dropped");
    bundle_remove(&copy);
}

static void a_launch_that_was_not_played_has_no_health(void **state)
{
    (void)state;
    struct cf_error err = {0};
    json_t *run = bundle_json(&made, "run.json");
    json_object_set_new(run, "launches", json_object());
    json_t *result = cf_result_judge(made.dir, run, &err);
    assert_int_equal(json_object_size(json_object_get(result, "observers")), 0);
    assert_true(json_is_object(json_object_get(result, "observers")));
    json_decref(result);
    json_decref(run);
}

/* ---- nothing in a record may crash the judge or turn it green ---- */

static json_t *nonsense(int kind)
{
    switch (kind) {
    case 0:
        return json_null();
    case 1:
        return json_integer(7);
    case 2:
        return json_string("");
    case 3:
        return json_array();
    case 4:
        return json_object();
    default:
        return json_pack("[n]");
    }
}

/* Members that say something about a run and decide nothing. */
static int is_remark(const char *key)
{
    static const char *const remarks[] = {"schema",         "run",   "kind",   "path",
                                          "error",          "bytes", "launch", "fault",
                                          "not_applicable", "addr",  "port"};
    for (size_t i = 0; i < sizeof remarks / sizeof remarks[0]; i++)
        if (strcmp(remarks[i], key) == 0)
            return 1;
    return 0;
}

/* Puts nonsense in the place of one member after the other, at any depth. */
static void spoil(const struct bundle *bundle, const char *file, json_t *whole, json_t *part)
{
    void *at = json_object_iter(part);
    for (size_t i = 0; json_is_array(part) && i < json_array_size(part); i++)
        spoil(bundle, file, whole, json_array_get(part, i));
    for (; at != NULL; at = json_object_iter_next(part, at)) {
        const char *key = json_object_iter_key(at);
        json_t *good = json_incref(json_object_iter_value(at));
        for (int kind = 0; kind < 6; kind++) {
            struct cf_error err = {0};
            json_object_iter_set_new(part, at, nonsense(kind));
            bundle_write_json(bundle, file, json_incref(whole));
            if (strcmp(file, "run.json") != 0)
                bundle_seal(bundle, "net");
            json_t *run = bundle_json(bundle, "run.json");
            json_t *result = cf_result_judge(bundle->dir, run, &err);
            if (result != NULL && cf_result_exit(result) == 0 && !is_remark(key))
                fail_msg("%s: nonsense (%d) for \"%s\" passes", file, kind, key);
            json_decref(result);
            json_decref(run);
        }
        json_object_iter_set(part, at, good);
        spoil(bundle, file, whole, good);
        json_decref(good);
    }
    bundle_write_json(bundle, file, json_incref(whole));
}

static void nonsense_in_run_json(void **state)
{
    (void)state;
    struct bundle copy;
    bundle_copy(&copy, made.dir);
    json_t *run = bundle_json(&copy, "run.json");
    spoil(&copy, "run.json", run, run);
    json_decref(run);
    bundle_remove(&copy);
}

static void nonsense_in_launch_json(void **state)
{
    (void)state;
    struct bundle copy;
    bundle_copy(&copy, made.dir);
    json_t *launch = bundle_json(&copy, "launches/net/launch.json");
    json_object_del(launch, "files"); /* sealing makes them anew */
    spoil(&copy, "launches/net/launch.json", launch, launch);
    json_decref(launch);
    bundle_remove(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_beats_inconclusive_beats_pass),
        cmocka_unit_test(a_problem_is_inconclusive_unless_a_row_failed),
        cmocka_unit_test(a_verdict_nobody_knows_is_no_pass),
        cmocka_unit_test(the_made_run_passes),
        cmocka_unit_test(nothing_planned_is_not_green),
        cmocka_unit_test(a_planned_launch_without_evidence),
        cmocka_unit_test(a_planned_row_its_launch_does_not_know),
        cmocka_unit_test(an_unknown_row_is_no_run),
        cmocka_unit_test(an_invariant_without_a_pass),
        cmocka_unit_test(an_excuse_without_a_reason_is_none),
        cmocka_unit_test(what_is_no_run_is_not_judged),
        cmocka_unit_test(a_run_of_another_subject),
        cmocka_unit_test(a_run_that_names_no_subject),
        cmocka_unit_test(the_health_of_both_labs_is_told),
        cmocka_unit_test(a_launch_that_was_not_played_has_no_health),
        cmocka_unit_test(nonsense_in_launch_json),
        cmocka_unit_test(nonsense_in_run_json),
    };
    return cmocka_run_group_tests_name("judge.result", tests, make, unmake);
}
