/*
 * junit.c - junit.xml: a suite for each invariant, so that a CI's own view is never greener than
 * ours. What is wrong with the run as a whole stands in a suite named "run".
 */
#include <string.h>

#include "report/output.h"
#include "report/rundir.h"
#include "report/shown.h"
#include "report/text.h"

static void put(FILE *out, const char *text)
{
    cf_text_put(out, CF_TEXT_XML, text);
}

static void put_attribute(FILE *out, const char *name, const char *text)
{
    fprintf(out, " %s=\"", name);
    put(out, text);
    fputc('"', out);
}

static void put_reference(FILE *out, const json_t *reference)
{
    put(out, cf_shown_text(reference, "file"));
    fprintf(out, " #%lld", (long long)cf_shown_number(reference, "seq"));
}

static void put_violations(FILE *out, const json_t *row)
{
    size_t i;
    const json_t *violation;
    json_array_foreach (json_object_get(row, "violations"), i, violation) {
        fputs("violation: ", out);
        put(out, cf_shown_text(violation, "what"));
        fputs(" (", out);
        put_reference(out, violation);
        fputs(")\n", out);
    }
}

static void put_legs(FILE *out, const json_t *row)
{
    size_t i, j;
    const json_t *leg, *reference;
    json_array_foreach (json_object_get(row, "legs"), i, leg) {
        put(out, cf_shown_text(leg, "name"));
        fputs(json_is_true(json_object_get(leg, "ok")) ? ": ok: " : ": MISSING: ", out);
        put(out, cf_shown_text(leg, "detail"));
        json_array_foreach (json_object_get(leg, "evidence"), j, reference) {
            fputs(j == 0 ? " (" : ", ", out);
            put_reference(out, reference);
        }
        fputs(json_array_size(json_object_get(leg, "evidence")) > 0 ? ")\n" : "\n", out);
    }
}

/* The element that says what became of ROW; a pass needs none. */
static void put_outcome(FILE *out, const json_t *row)
{
    static const char *const elements[CF_SHOWN_COUNT] = {NULL, "failure", "error", "skipped"};
    enum cf_shown verdict = cf_shown_verdict(row);
    const char *element = elements[verdict];
    if (element == NULL)
        return;
    fprintf(out, "      <%s", element);
    put_attribute(out, "message", cf_shown_text(row, "reason"));
    if (verdict == CF_SHOWN_NOT_APPLICABLE) {
        fputs("/>\n", out);
        return;
    }
    put_attribute(out, "type", cf_shown_word(verdict));
    fputs(">", out);
    put_violations(out, row);
    put_legs(out, row);
    fprintf(out, "</%s>\n", element);
}

static void put_case(FILE *out, const json_t *row)
{
    fputs("    <testcase", out);
    put_attribute(out, "classname", cf_shown_text(row, "invariant"));
    put_attribute(out, "name", cf_shown_text(row, "id"));
    fputs(">\n", out);
    put_outcome(out, row);
    fputs("      <system-out>", out);
    put(out, cf_shown_text(row, "level"));
    fputs(": ", out);
    put(out, cf_shown_text(row, "statement"));
    fputs("</system-out>\n    </testcase>\n", out);
}

static void put_counts(FILE *out, size_t tests, size_t failures, size_t errors, size_t skipped)
{
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", tests, failures,
            errors, skipped);
}

static void put_suite(FILE *out, const json_t *result, const json_t *group)
{
    const json_t *rows = json_object_get(group, "rows"), *row;
    size_t counts[CF_SHOWN_COUNT], i;
    cf_shown_count(rows, counts);
    fputs("  <testsuite", out);
    put_attribute(out, "name", cf_shown_text(group, "name"));
    put_counts(out, json_array_size(rows), counts[CF_SHOWN_FAIL], counts[CF_SHOWN_INCONCLUSIVE],
               counts[CF_SHOWN_NOT_APPLICABLE]);
    put_attribute(out, "timestamp", cf_shown_text(result, "created"));
    fputs(">\n", out);
    json_array_foreach (rows, i, row)
        put_case(out, row);
    fputs("  </testsuite>\n", out);
}

/* What no row can say: the run's problems, or, when rows and problems are silent about a non-zero
 * exit status, that status. New reference. */
static json_t *run_problems(const json_t *result)
{
    size_t counts[CF_SHOWN_COUNT], i;
    const json_t *problem;
    json_t *problems = json_array();
    json_array_foreach (json_object_get(result, "problems"), i, problem)
        if (json_is_string(problem))
            json_array_append(problems, (json_t *)problem);
    cf_shown_count(json_object_get(result, "rows"), counts);
    if (json_array_size(problems) + counts[CF_SHOWN_FAIL] + counts[CF_SHOWN_INCONCLUSIVE] == 0 &&
        strcmp(cf_shown_headline(result), "PASS") != 0)
        json_array_append_new(problems, json_string(cf_shown_meaning(result)));
    return problems;
}

static void put_run(FILE *out, const json_t *problems)
{
    size_t count = json_array_size(problems), i;
    const json_t *problem;
    if (count == 0)
        return;
    fputs("  <testsuite name=\"run\"", out);
    put_counts(out, count, 0, count, 0);
    fputs(">\n", out);
    json_array_foreach (problems, i, problem) {
        fprintf(out, "    <testcase classname=\"run\" name=\"problem %zu\">\n      <error", i + 1);
        put_attribute(out, "message", json_string_value(problem));
        fputs(" type=\"problem\"/>\n    </testcase>\n", out);
    }
    fputs("  </testsuite>\n", out);
}

static void put_document(FILE *out, const json_t *result, const json_t *groups,
                         const json_t *problems)
{
    const json_t *rows = json_object_get(result, "rows"), *group;
    size_t counts[CF_SHOWN_COUNT], i, extra = json_array_size(problems);
    json_int_t spent = cf_shown_number(result, "duration_ms");
    cf_shown_count(rows, counts);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<testsuites name=\"firma-conformance\"",
          out);
    put_counts(out, json_array_size(rows) + extra, counts[CF_SHOWN_FAIL],
               counts[CF_SHOWN_INCONCLUSIVE] + extra, counts[CF_SHOWN_NOT_APPLICABLE]);
    fprintf(out, " time=\"%lld.%03lld\">\n", (long long)(spent > 0 ? spent / 1000 : 0),
            (long long)(spent > 0 ? spent % 1000 : 0));
    put_run(out, problems);
    json_array_foreach (groups, i, group)
        put_suite(out, result, group);
    fputs("</testsuites>\n", out);
}

int cf_output_junit(int dir, const json_t *result, struct cf_error *err)
{
    json_auto_t *groups = cf_shown_groups(result);
    json_auto_t *problems = run_problems(result);
    struct cf_rundir_output out;
    if (groups == NULL || problems == NULL)
        return cf_fail(err, CF_E_SYSTEM, 0, "junit.xml: out of memory");
    int code = cf_rundir_create(dir, "junit.xml", &out, err);
    if (code != 0)
        return code;
    put_document(out.file, result, groups, problems);
    return cf_rundir_commit(&out, err);
}
