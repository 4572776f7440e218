/* summary.md: the run on one page, for a person who was not there. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "report/output.h"
#include "report/rundir.h"
#include "report/shown.h"
#include "report/text.h"

static void put(FILE *out, const char *text)
{
    cf_text_put(out, CF_TEXT_MARKDOWN, text);
}

static void put_field(FILE *out, const char *label, const char *text)
{
    fprintf(out, "| %s | ", label);
    put(out, text);
    fputs(" |\n", out);
}

/* Whether PATH may become a link: relative, staying below the report's folder. */
static bool is_linkable(const char *path)
{
    return path[0] != '\0' && path[0] != '/' && strstr(path, "..") == NULL &&
           strchr(path, ':') == NULL;
}

static void put_percent(FILE *out, const char *path)
{
    for (const char *at = path; *at != '\0'; at++) {
        if (isalnum((unsigned char)*at) || strchr("/._-", *at) != NULL)
            fputc(*at, out);
        else
            fprintf(out, "%%%02X", (unsigned char)*at);
    }
}

static void put_reference(FILE *out, const json_t *reference)
{
    const char *file = cf_shown_text(reference, "file");
    bool link = is_linkable(file);
    fputs(link ? "[" : "", out);
    put(out, file);
    fprintf(out, " %lld", (long long)cf_shown_number(reference, "seq"));
    if (link) {
        fputs("](", out);
        put_percent(out, file);
        fputc(')', out);
    }
}

static void put_subject(FILE *out, const json_t *result, const char *score)
{
    const json_t *subject = json_object_get(result, "subject");
    const json_t *launcher = json_object_get(result, "launcher");
    const json_t *platform = json_object_get(result, "platform");
    fputs("| | |\n|---|---|\n", out);
    put_field(out, "runner", cf_shown_text(subject, "kind"));
    put_field(out, "scale", cf_shown_text(subject, "scale"));
    put_field(out, "runner path", cf_shown_text(subject, "path"));
    put_field(out, "runner SHA-256", cf_shown_text(subject, "sha256"));
    put_field(out, "launcher path", cf_shown_text(launcher, "path"));
    put_field(out, "launcher SHA-256", cf_shown_text(launcher, "sha256"));
    put_field(out, "register SHA-256", cf_shown_text(result, "register_sha256"));
    fputs("| platform | ", out);
    put(out, cf_shown_text(platform, "system"));
    fputs(" ", out);
    put(out, cf_shown_text(platform, "release"));
    fputs(" ", out);
    put(out, cf_shown_text(platform, "machine"));
    fprintf(out, ", uid %lld |\n", (long long)cf_shown_number(platform, "uid"));
    if (score != NULL)
        put_field(out, "matrix of this register", score);
    put_field(out, "created", cf_shown_text(result, "created"));
    fprintf(out, "| duration | %lld ms |\n\n", (long long)cf_shown_number(result, "duration_ms"));
}

static void put_counts(FILE *out, const json_t *result)
{
    size_t counts[CF_SHOWN_COUNT];
    cf_shown_count(json_object_get(result, "rows"), counts);
    fprintf(out, "%lld rows planned",
            (long long)cf_shown_number(json_object_get(result, "counts"), "planned"));
    for (int i = 0; i < CF_SHOWN_COUNT; i++)
        fprintf(out, ", %zu %s", counts[i], cf_shown_word((enum cf_shown)i));
    fputs(".\n\n", out);
}

static void put_problems(FILE *out, const json_t *result)
{
    const json_t *problems = json_object_get(result, "problems"), *problem;
    size_t i;
    if (json_array_size(problems) == 0)
        return;
    fputs("## Problems of the run\n\n", out);
    json_array_foreach (problems, i, problem) {
        fputs("- problem: ", out);
        put(out, json_is_string(problem) ? json_string_value(problem) : "");
        fputs("\n", out);
    }
    fputs("\n", out);
}

static void put_evidence(FILE *out, const json_t *row)
{
    size_t i, j;
    const json_t *item, *reference;
    json_array_foreach (json_object_get(row, "violations"), i, item) {
        fputs("- seen: ", out);
        put(out, cf_shown_text(item, "what"));
        fputs(" — ", out);
        put_reference(out, item);
        fputs("\n", out);
    }
    json_array_foreach (json_object_get(row, "legs"), i, item) {
        fputs("- leg ", out);
        put(out, cf_shown_text(item, "name"));
        fputs(json_is_true(json_object_get(item, "ok")) ? ": " : ", missing: ", out);
        put(out, cf_shown_text(item, "detail"));
        json_array_foreach (json_object_get(item, "evidence"), j, reference) {
            fputs(j == 0 ? " — " : ", ", out);
            put_reference(out, reference);
        }
        fputs("\n", out);
    }
}

/* Every row with VERDICT under TITLE. */
static void put_section(FILE *out, const json_t *result, enum cf_shown verdict, const char *title)
{
    size_t i, shown = 0;
    const json_t *row;
    json_array_foreach (json_object_get(result, "rows"), i, row) {
        if (cf_shown_verdict(row) != verdict)
            continue;
        if (shown++ == 0)
            fprintf(out, "## %s\n\n", title);
        fputs("### Row ", out);
        put(out, cf_shown_text(row, "id"));
        fputs("\n\nStatement: ", out);
        put(out, cf_shown_text(row, "statement"));
        fputs("  \nReason: ", out);
        put(out, cf_shown_text(row, "reason"));
        fputs("\n\n", out);
        put_evidence(out, row);
        fputs("\n", out);
    }
}

static void put_group(FILE *out, const json_t *group)
{
    size_t i;
    const json_t *row;
    fputs("### Invariant ", out);
    put(out, cf_shown_text(group, "name"));
    fputs("\n\n| row | level | verdict | statement |\n|---|---|---|---|\n", out);
    json_array_foreach (json_object_get(group, "rows"), i, row) {
        enum cf_shown verdict = cf_shown_verdict(row);
        fputs("| ", out);
        put(out, cf_shown_text(row, "id"));
        fputs(" | ", out);
        put(out, cf_shown_text(row, "level"));
        fprintf(out, verdict == CF_SHOWN_PASS ? " | %s | " : " | **%s** | ",
                verdict == CF_SHOWN_NOT_APPLICABLE ? "N/A" : cf_shown_word(verdict));
        put(out, cf_shown_text(row, "statement"));
        fputs(" |\n", out);
    }
    fputs("\n", out);
}

static void put_notes(FILE *out, const json_t *notes)
{
    size_t i;
    const json_t *note;
    if (json_array_size(notes) == 0)
        return;
    fputs("## Left out of the merged logs\n\n", out);
    json_array_foreach (notes, i, note) {
        fputs("- file ", out);
        put(out, cf_shown_text(note, "file"));
        if (json_object_get(note, "line") != NULL)
            fprintf(out, ", line %lld", (long long)cf_shown_number(note, "line"));
        fputs(": ", out);
        put(out, cf_shown_text(note, "why"));
        fputs("\n", out);
    }
}

static void put_page(FILE *out, const json_t *result, const json_t *groups, const json_t *notes,
                     const char *score)
{
    size_t i;
    const json_t *group;
    fprintf(out, "# Conformance: %s\n\n", cf_shown_headline(result));
    fprintf(out, "The verdict of run ");
    put(out, cf_shown_text(result, "run"));
    fprintf(out, ": %s.\n\n", cf_shown_meaning(result));
    put_counts(out, result);
    put_subject(out, result, score);
    put_problems(out, result);
    put_section(out, result, CF_SHOWN_FAIL, "Failed");
    put_section(out, result, CF_SHOWN_INCONCLUSIVE, "Inconclusive");
    put_section(out, result, CF_SHOWN_NOT_APPLICABLE, "Not applicable");
    fputs("## Every row\n\n", out);
    json_array_foreach (groups, i, group)
        put_group(out, group);
    put_notes(out, notes);
}

int cf_output_summary(int dir, const json_t *result, const json_t *notes, struct cf_error *err)
{
    json_auto_t *groups = cf_shown_groups(result);
    struct cf_rundir_output out;
    if (groups == NULL)
        return cf_fail(err, CF_E_SYSTEM, 0, "summary.md: out of memory");
    int code = cf_rundir_create(dir, "summary.md", &out, err);
    if (code != 0)
        return code;
    char *score = cf_output_matrix_score(dir, cf_shown_text(result, "register_sha256"));
    put_page(out.file, result, groups, notes, score);
    free(score);
    return cf_rundir_commit(&out, err);
}
