/*
 * trace.c - the register held against the catalogue and the list of defects.
 *
 * A technique of tier 0 or 1 needs a row that names it as its source, or a declared absence. A
 * defect needs a row and a broken subject that names it. Whoever names an id that nobody knows, or
 * declares an absence of something that has a row, makes a hole too.
 *
 * A row is proven when a broken subject declares that the row convicts it; scripts/matrix shows
 * that it does. Of the null runner it convicts, all runner rows of kind deny are declared.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "register/catalogue.h"
#include "register/register.h"
#include "result.h"
#include "verbs/verbs.h"

enum { SUBJECT_FIELDS = 7, SUBJECT_DECLARED = 4, SUBJECT_SOURCE = 5 };

/* One line of a table of subjects, tabs between: [{"name", "declared", "source"}]. */
static bool add_subject(json_t *subjects, char *line)
{
    char *field[SUBJECT_FIELDS] = {0}, *rest = line;
    size_t count = 0;
    while (count < SUBJECT_FIELDS && (field[count] = strsep(&rest, "\t")) != NULL)
        count++;
    if (count != SUBJECT_FIELDS)
        return false;
    json_array_append_new(subjects,
                          json_pack("{ssssss}", "name", field[0], "declared",
                                    field[SUBJECT_DECLARED], "source", field[SUBJECT_SOURCE]));
    return true;
}

static int load_subjects(json_t *subjects, const char *path, struct cf_error *err)
{
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    int number = 0, failed = 0;
    if (in == NULL)
        return cf_fail(err, CF_E_USAGE, 0, "trace: %s cannot be read", path);
    while (failed == 0 && getline(&line, &room, in) > 0) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#' && line[0] != '\0' && !add_subject(subjects, line))
            failed = cf_fail(err, CF_E_USAGE, 0, "trace: %s:%d: not %d fields", path, number,
                             SUBJECT_FIELDS);
    }
    free(line);
    fclose(in);
    return failed;
}

static json_t *rows_of(const char *id)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < cf_row_count; i++)
        if (cf_source_names(cf_rows[i].source, id))
            json_array_append_new(rows, json_string(cf_rows[i].id));
    return rows;
}

static json_t *subjects_of(const json_t *subjects, const char *id)
{
    json_t *found = json_array();
    size_t index;
    const json_t *subject;
    json_array_foreach ((json_t *)subjects, index, subject)
        if (cf_source_names(json_string_value(json_object_get(subject, "source")), id))
            json_array_append(found, json_object_get(subject, "name"));
    return found;
}

static const char *hole_of(const struct cf_entry *entry, bool rows, bool subjects, bool absent)
{
    if (absent)
        return rows && entry->tier >= 0 ? "has a row and is declared absent" : NULL;
    if (!rows && entry->tier <= 1)
        return "has no row and no declared absence";
    if (!subjects && entry->tier < 0)
        return "has no broken subject";
    return NULL;
}

static json_t *trace_entry(const struct cf_entry *entry, const json_t *subjects)
{
    const struct cf_absence *absence = cf_absence_find(entry->id);
    json_t *rows = rows_of(entry->id), *broken = subjects_of(subjects, entry->id);
    const char *hole =
        hole_of(entry, json_array_size(rows) > 0, json_array_size(broken) > 0, absence != NULL);
    return json_pack("{ss si ss so so ss? ss? ss?}", "id", entry->id, "tier", entry->tier,
                     "summary", entry->summary, "rows", rows, "subjects", broken, "absent",
                     absence == NULL ? NULL : cf_absence_name(absence->kind), "reason",
                     absence == NULL ? NULL : absence->reason, "hole", hole);
}

/* Words of SOURCE that look like ids and are none. */
static void find_strangers(json_t *strangers, const char *who, const char *source)
{
    for (const char *word = source; *word != '\0';) {
        char id[16];
        size_t length = strcspn(word, " ");
        snprintf(id, sizeof id, "%.*s", (int)length, word);
        if (cf_is_entry_id(word, length) && cf_entry_find(id) == NULL)
            json_array_append_new(strangers, json_pack("{ssss}", "in", who, "id", id));
        word += length;
        word += strspn(word, " ");
    }
}

static json_t *all_strangers(const json_t *subjects)
{
    json_t *strangers = json_array();
    size_t index;
    const json_t *subject;
    for (size_t i = 0; i < cf_row_count; i++)
        find_strangers(strangers, cf_rows[i].id, cf_rows[i].source);
    for (size_t i = 0; i < cf_absence_count; i++)
        find_strangers(strangers, "absent.def", cf_absences[i].id);
    json_array_foreach ((json_t *)subjects, index, subject)
        find_strangers(strangers, json_string_value(json_object_get(subject, "name")),
                       json_string_value(json_object_get(subject, "source")));
    return strangers;
}

/* Whether ID stands in DECLARED, by itself or by "GROUP.*"; commas between. */
static bool declares(const char *declared, const char *id)
{
    for (const char *word = declared; *word != '\0';) {
        size_t length = strcspn(word, ",");
        bool group = length >= 2 && strncmp(word + length - 2, ".*", 2) == 0;
        if (group ? strncmp(word, id, length - 1) == 0
                  : strlen(id) == length && strncmp(word, id, length) == 0)
            return true;
        word += length + (word[length] == ',');
    }
    return false;
}

static bool is_proven(const struct cf_row *row, const json_t *subjects)
{
    size_t index;
    const json_t *subject;
    if (row->subject == CF_runner && row->kind == CF_deny)
        return true;
    json_array_foreach ((json_t *)subjects, index, subject)
        if (declares(json_string_value(json_object_get(subject, "declared")), row->id))
            return true;
    return false;
}

static json_t *all_unproven(const json_t *subjects)
{
    json_t *unproven = json_array();
    for (size_t i = 0; i < cf_row_count; i++)
        if (!is_proven(&cf_rows[i], subjects))
            json_array_append_new(unproven, json_pack("{ssss}", "id", cf_rows[i].id, "level",
                                                      cf_level_name(cf_rows[i].level)));
    return unproven;
}

static json_t *make_trace(const json_t *subjects, const char *digest)
{
    json_t *entries = json_array(), *strangers = all_strangers(subjects);
    size_t holes = json_array_size(strangers);
    for (size_t i = 0; i < cf_entry_count; i++) {
        json_t *entry = trace_entry(&cf_entries[i], subjects);
        holes +=
            json_object_get(entry, "hole") != NULL && !json_is_null(json_object_get(entry, "hole"));
        json_array_append_new(entries, entry);
    }
    return json_pack("{ss ss sI so so so}", "schema", "firma-trace/1", "register_sha256", digest,
                     "holes", (json_int_t)holes, "entries", entries, "unknown", strangers,
                     "unproven", all_unproven(subjects));
}

static void print_names(const json_t *names)
{
    size_t index;
    const json_t *name;
    json_array_foreach ((json_t *)names, index, name)
        printf("%s%s", index == 0 ? "" : " ", json_string_value(name));
}

static void print_entry(const json_t *entry)
{
    const char *absent = json_string_value(json_object_get(entry, "absent"));
    const char *hole = json_string_value(json_object_get(entry, "hole"));
    printf("| %s | %s | ", json_string_value(json_object_get(entry, "id")),
           json_string_value(json_object_get(entry, "summary")));
    print_names(json_object_get(entry, "rows"));
    printf(" | ");
    print_names(json_object_get(entry, "subjects"));
    printf(" | ");
    if (hole != NULL)
        printf("**hole: %s**", hole);
    else if (absent != NULL)
        printf("%s: %s", absent, json_string_value(json_object_get(entry, "reason")));
    puts(" |");
}

static void print_part(const json_t *entries, const char *title, bool defects)
{
    size_t index;
    const json_t *entry;
    printf("\n## %s\n\n| id | what | rows | broken subjects | absent because |\n"
           "|---|---|---|---|---|\n",
           title);
    json_array_foreach ((json_t *)entries, index, entry)
        if ((json_integer_value(json_object_get(entry, "tier")) < 0) == defects)
            print_entry(entry);
}

static void print_unproven(const json_t *unproven)
{
    size_t index;
    const json_t *row;
    printf("\n## Unproven rows\n\nNo broken subject declares that one of these convicts it.\n\n"
           "| row | level |\n|---|---|\n");
    json_array_foreach ((json_t *)unproven, index, row)
        printf("| %s | %s |\n", json_string_value(json_object_get(row, "id")),
               json_string_value(json_object_get(row, "level")));
}

static void print_trace(const json_t *trace)
{
    const json_t *entries = json_object_get(trace, "entries");
    size_t index;
    const json_t *stranger;
    printf("# Trace: what the register answers for\n\n%zu rows, %zu entries, %zu declared absent, "
           "%d holes, %zu unproven rows\n",
           cf_row_count, cf_entry_count, cf_absence_count,
           (int)json_integer_value(json_object_get(trace, "holes")),
           json_array_size(json_object_get(trace, "unproven")));
    json_array_foreach (json_object_get(trace, "unknown"), index, stranger)
        printf("\n**hole: %s names %s, which nothing is called**\n",
               json_string_value(json_object_get(stranger, "in")),
               json_string_value(json_object_get(stranger, "id")));
    print_part(entries, "Defects seen in the field", true);
    print_part(entries, "Techniques", false);
    print_unproven(json_object_get(trace, "unproven"));
}

static int load_tables(json_t *subjects, const struct cf_options *options, struct cf_error *err)
{
    int failed = 0;
    if (options->argument_count == 0)
        return cf_fail(err, CF_E_USAGE, 0, "trace: which table of broken subjects?");
    for (size_t i = 0; i < options->argument_count && failed == 0; i++)
        failed = load_subjects(subjects, options->arguments[i], err);
    return failed;
}

int cf_verb_trace(const struct cf_options *options, struct cf_error *err)
{
    char digest[65];
    json_t *subjects = json_array();
    int failed = load_tables(subjects, options, err);
    if (failed == 0)
        failed = cf_register_digest(digest, err);
    if (failed != 0) {
        json_decref(subjects);
        return failed;
    }
    json_t *trace = make_trace(subjects, digest);
    json_decref(subjects);
    if (options->json) {
        json_dumpf(trace, stdout, JSON_INDENT(1));
        putchar('\n');
    } else {
        print_trace(trace);
    }
    bool holes = json_integer_value(json_object_get(trace, "holes")) > 0;
    json_decref(trace);
    return holes ? CF_EXIT_FAIL : 0;
}
