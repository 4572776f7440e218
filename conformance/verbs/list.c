/* list.c - the register, for people, for programs, and for CTest. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "register/catalogue.h"
#include "register/register.h"
#include "result.h"
#include "verbs/verbs.h"

static void list_absences(void)
{
    puts("\ndeclared absent: without a row of their own, for a reason");
    for (int kind = 0; kind < CF_ABSENCE_COUNT; kind++)
        for (size_t i = 0; i < cf_absence_count; i++)
            if ((int)cf_absences[i].kind == kind)
                printf("  %-6s %-15s %s\n", cf_absences[i].id,
                       cf_absence_name((enum cf_absence_class)kind), cf_absences[i].reason);
}

static void list_text(void)
{
    for (int i = 0; i < CF_INVARIANT_COUNT; i++) {
        printf("%s%s\n", i == 0 ? "" : "\n", cf_invariant_name((enum cf_invariant)i));
        for (size_t r = 0; r < cf_row_count; r++)
            if ((int)cf_rows[r].invariant == i)
                printf("  %-30s %-6s %-8s %-8s %s\n", cf_rows[r].id,
                       cf_level_name(cf_rows[r].level), cf_subject_name(cf_rows[r].subject),
                       cf_kind_name(cf_rows[r].kind), cf_rows[r].statement);
    }
    list_absences();
    printf("\n%zu rows, %zu launches, %zu declared absent\n", cf_row_count, cf_launch_count,
           cf_absence_count);
}

static int list_json(void)
{
    json_t *rows = json_array();
    for (size_t r = 0; r < cf_row_count; r++) {
        const struct cf_row *row = &cf_rows[r];
        json_array_append_new(
            rows, json_pack("{ss ss ss ss ss ss ss ss ss ss ss}", "id", row->id, "level",
                            cf_level_name(row->level), "group", cf_row_group(row), "invariant",
                            cf_invariant_name(row->invariant), "subject",
                            cf_subject_name(row->subject), "kind", cf_kind_name(row->kind),
                            "launch", row->launch, "observers", row->observers, "attempt",
                            row->attempt, "source", row->source, "statement", row->statement));
    }
    int failed = json_dumpf(rows, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(rows);
    return failed == 0 ? 0 : CF_EXIT_HARNESS;
}

/* CTest reads this file when it starts (TEST_INCLUDE_FILES), so CMake never parses the register.
 * A launch is a fixture that succeeds whenever it wrote a bundle; its rows are the tests. */
static void list_ctest(const char *program, const char *directory)
{
    for (size_t i = 0; i < cf_launch_count; i++) {
        const char *name = cf_launches[i].name;
        printf("add_test([=[observe.%s]=] [=[%s]=] observe --launch %s --out [=[%s]=])\n", name,
               program, name, directory);
        printf("set_tests_properties([=[observe.%s]=] PROPERTIES FIXTURES_SETUP launch.%s LABELS "
               "macos_vz_launch TIMEOUT 600)\n",
               name, name);
    }
    for (size_t r = 0; r < cf_row_count; r++) {
        const struct cf_row *row = &cf_rows[r];
        printf("add_test([=[%s]=] [=[%s]=] judge --row %s --out [=[%s]=])\n", row->id, program,
               row->id, directory);
        printf("set_tests_properties([=[%s]=] PROPERTIES FIXTURES_REQUIRED launch.%s LABELS "
               "\"macos_vz;%s;%s;%s\" SKIP_RETURN_CODE %d TIMEOUT 60)\n",
               row->id, row->launch, cf_row_group(row), cf_level_name(row->level),
               cf_invariant_name(row->invariant), CF_EXIT_SKIPPED);
    }
}

int cf_verb_list(const struct cf_options *options, struct cf_error *err)
{
    char program[4096];
    if (options->json)
        return list_json();
    if (!options->ctest) {
        list_text();
        return 0;
    }
    if (options->out == NULL)
        return cf_fail(err, CF_E_USAGE, 0, "list --ctest: --out DIR says where bundles go");
    snprintf(program, sizeof program, "%s/firma-conform", options->bin);
    list_ctest(program, options->out);
    return 0;
}
