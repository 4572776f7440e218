/*
 * table.c - the table a person sees first. What passed is quiet; what did not says why beneath.
 */
#include <string.h>

#include "report/report.h"
#include "report/shown.h"
#include "report/terminal.h"
#include "report/text.h"

enum { USUAL_COLUMNS = 100, ID_MAX = 30, INDENT = 2 };

enum tone { PLAIN, QUIET, BOLD, BAD, UNSURE, GOOD };

struct table {
    FILE *out;
    bool colour;
    size_t columns;
    size_t id, verdict; /* widths of the first two columns */
};

static void tone(const struct table *table, enum tone tone)
{
    static const char *const codes[] = {"\033[0m",    "\033[2m",    "\033[1m",
                                        "\033[1;31m", "\033[1;33m", "\033[32m"};
    if (table->colour)
        fputs(codes[tone], table->out);
}

static enum tone tone_of(enum cf_shown verdict)
{
    static const enum tone tones[CF_SHOWN_COUNT] = {QUIET, BAD, UNSURE, QUIET};
    return tones[verdict];
}

static const char *word_of(enum cf_shown verdict)
{
    return verdict == CF_SHOWN_NOT_APPLICABLE ? "N/A" : cf_shown_word(verdict);
}

/* Text on a line of its own beneath a row, if there is any; TAIL, if any, is kept whole. */
static void put_beneath(const struct table *table, const char *text, const char *tail)
{
    size_t start = 2 * INDENT, width = table->columns - start - 2;
    size_t tail_width = cf_text_columns(tail);
    if (text[0] == '\0' && tail_width == 0)
        return;
    if (tail_width + 20 > width) /* too narrow for both: the text matters more */
        tail_width = 0;
    fprintf(table->out, "%*s└ ", (int)start, "");
    cf_text_fit(table->out, text, width - (tail_width > 0 ? tail_width + 2 : 0), false);
    if (tail_width > 0) {
        fputs("  ", table->out);
        tone(table, QUIET);
        cf_text_put(table->out, CF_TEXT_PLAIN, tail);
        tone(table, PLAIN);
    }
    fputc('\n', table->out);
}

/* The first violating event in one line, with its place and how many more there are. */
static void put_violation(const struct table *table, const json_t *row)
{
    const json_t *violations = json_object_get(row, "violations");
    const json_t *first = json_array_get(violations, 0);
    char place[256] = "";
    if (first == NULL) {
        put_beneath(table, cf_shown_text(row, "reason"), "");
        return;
    }
    size_t used =
        (size_t)snprintf(place, sizeof place, "%.200s #%lld", cf_shown_text(first, "file"),
                         (long long)cf_shown_number(first, "seq"));
    if (json_array_size(violations) > 1)
        snprintf(place + used, sizeof place - used, " (+%zu)", json_array_size(violations) - 1);
    put_beneath(table, cf_shown_text(first, "what"), place);
}

static void put_row(const struct table *table, const json_t *row)
{
    enum cf_shown verdict = cf_shown_verdict(row);
    fprintf(table->out, "%*s", INDENT, "");
    tone(table, verdict == CF_SHOWN_PASS ? QUIET : PLAIN);
    cf_text_fit(table->out, cf_shown_text(row, "id"), table->id, true);
    fputs("  ", table->out);
    tone(table, tone_of(verdict));
    cf_text_fit(table->out, word_of(verdict), table->verdict, true);
    tone(table, PLAIN);
    fputs("  ", table->out);
    tone(table, verdict == CF_SHOWN_PASS ? QUIET : PLAIN);
    cf_text_fit(table->out, cf_shown_text(row, "statement"),
                table->columns - INDENT - table->id - table->verdict - 4, false);
    tone(table, PLAIN);
    fputc('\n', table->out);
    if (verdict == CF_SHOWN_FAIL)
        put_violation(table, row);
    else if (verdict != CF_SHOWN_PASS)
        put_beneath(table, cf_shown_text(row, "reason"), "");
}

static void put_group(const struct table *table, const json_t *group)
{
    const json_t *rows = json_object_get(group, "rows"), *row;
    size_t counts[CF_SHOWN_COUNT], i;
    cf_shown_count(rows, counts);
    tone(table, BOLD);
    cf_text_fit(table->out, cf_shown_text(group, "name"), table->columns / 2, false);
    tone(table, PLAIN);
    tone(table, QUIET);
    fprintf(table->out, "  %zu of %zu", counts[CF_SHOWN_PASS], json_array_size(rows));
    tone(table, PLAIN);
    fputc('\n', table->out);
    json_array_foreach (rows, i, row)
        put_row(table, row);
    fputc('\n', table->out);
}

static void put_counts(const struct table *table, const json_t *result)
{
    size_t counts[CF_SHOWN_COUNT];
    cf_shown_count(json_object_get(result, "rows"), counts);
    json_int_t planned = cf_shown_number(json_object_get(result, "counts"), "planned");
    json_int_t spent = cf_shown_number(result, "duration_ms");
    fprintf(table->out, "%lld planned:", (long long)planned);
    for (int i = 0; i < CF_SHOWN_COUNT; i++) {
        fprintf(table->out, "%s ", i == 0 ? "" : ",");
        tone(table, counts[i] > 0 ? tone_of((enum cf_shown)i) : QUIET);
        fprintf(table->out, "%zu %s", counts[i], word_of((enum cf_shown)i));
        tone(table, PLAIN);
    }
    fprintf(table->out, "  (%lld.%lld s)\n", (long long)(spent / 1000),
            (long long)(spent % 1000 / 100));
}

static void put_problems(const struct table *table, const json_t *result)
{
    size_t i;
    const json_t *problem;
    json_array_foreach (json_object_get(result, "problems"), i, problem) {
        tone(table, UNSURE);
        fputs("problem: ", table->out);
        tone(table, PLAIN);
        cf_text_put(table->out, CF_TEXT_PLAIN,
                    json_is_string(problem) ? json_string_value(problem) : "");
        fputc('\n', table->out);
    }
}

static void put_headline(const struct table *table, const json_t *result)
{
    const char *headline = cf_shown_headline(result);
    tone(table, strcmp(headline, "PASS") == 0   ? GOOD
                : strcmp(headline, "FAIL") == 0 ? BAD
                                                : UNSURE);
    fputs(headline, table->out);
    tone(table, PLAIN);
    fprintf(table->out, ": %s\n", cf_shown_meaning(result));
}

/* The widest id, within reason. */
static size_t id_width(const json_t *result)
{
    size_t widest = 8, i;
    const json_t *row;
    json_array_foreach (json_object_get(result, "rows"), i, row) {
        size_t columns = cf_text_columns(cf_shown_text(row, "id"));
        widest = columns > widest ? columns : widest;
    }
    return widest > ID_MAX ? ID_MAX : widest;
}

/* The longest verdict shown: a table without the long word needs no room for it. */
static size_t verdict_width(const json_t *result)
{
    size_t counts[CF_SHOWN_COUNT];
    cf_shown_count(json_object_get(result, "rows"), counts);
    return strlen(
        word_of(counts[CF_SHOWN_INCONCLUSIVE] > 0 ? CF_SHOWN_INCONCLUSIVE : CF_SHOWN_PASS));
}

static void put_subject(const struct table *table, const json_t *result)
{
    const json_t *subject = json_object_get(result, "subject");
    fputs("\nrunner: ", table->out);
    tone(table, BOLD);
    cf_text_put(table->out, CF_TEXT_PLAIN, cf_shown_text(subject, "kind"));
    tone(table, PLAIN);
    tone(table, QUIET);
    fputs("  ", table->out);
    cf_text_put(table->out, CF_TEXT_PLAIN, cf_shown_text(subject, "path"));
    if (strcmp(cf_shown_text(subject, "scale"), "small") == 0)
        fputs("  (small scale)", table->out);
    tone(table, PLAIN);
    fputs("\n\n", table->out);
}

void cf_report_table(FILE *out, const char *dir, const json_t *result, bool colour)
{
    json_auto_t *clean = NULL;
    struct cf_error err = {0};
    size_t i;
    const json_t *group;
    if (cf_shown_clean(&clean, result, &err) != 0) {
        fprintf(out, "%s\n", err.text);
        return;
    }
    json_auto_t *groups = cf_shown_groups(clean);
    struct table table = {out, colour, cf_terminal_columns(out, USUAL_COLUMNS), id_width(clean),
                          verdict_width(clean)};
    put_subject(&table, clean);
    json_array_foreach (groups, i, group)
        put_group(&table, group);
    put_counts(&table, clean);
    put_problems(&table, clean);
    put_headline(&table, clean);
    if (dir != NULL) {
        fputs("report: ", out);
        cf_text_put(out, CF_TEXT_PLAIN, dir);
        fputs("/summary.md\n", out);
    }
}
