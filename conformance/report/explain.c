/* explain.c - one row, so that a reviewer can follow it and do it again. */
#include <errno.h>
#include <string.h>

#include "report/explain_private.h"
#include "report/report.h"
#include "report/rundir.h"
#include "report/scope.h"
#include "report/shown.h"
#include "report/text.h"

void cf_explain_put(const struct cf_explanation *explanation, const char *text)
{
    cf_text_put(explanation->out, CF_TEXT_PLAIN, text);
}

static void put_line(const struct cf_explanation *explanation, const char *label, const char *text)
{
    if (text[0] == '\0')
        return;
    fprintf(explanation->out, "%-10s ", label);
    cf_explain_put(explanation, text);
    fputc('\n', explanation->out);
}

static void put_head(const struct cf_explanation *explanation)
{
    const json_t *row = explanation->row;
    fputc('\n', explanation->out);
    put_line(explanation, "row", explanation->id);
    put_line(explanation, "verdict", cf_shown_word(cf_shown_verdict(row)));
    put_line(explanation, "why", cf_shown_text(row, "reason"));
    put_line(explanation, "statement", cf_shown_text(row, "statement"));
    put_line(explanation, "source", cf_shown_text(row, "source"));
    put_line(explanation, "level", cf_shown_text(row, "level"));
    put_line(explanation, "invariant", cf_shown_text(row, "invariant"));
    put_line(explanation, "subject", cf_shown_text(row, "subject"));
    put_line(explanation, "kind", cf_shown_text(row, "kind"));
    put_line(explanation, "launch", explanation->launch);
}

static void put_violations(const struct cf_explanation *explanation)
{
    size_t i;
    const json_t *violation;
    json_array_foreach (json_object_get(explanation->row, "violations"), i, violation) {
        fputs(i == 0 ? "\nviolations\n  " : "  ", explanation->out);
        cf_explain_put(explanation, cf_shown_text(violation, "file"));
        fprintf(explanation->out, " #%lld: ", (long long)cf_shown_number(violation, "seq"));
        cf_explain_put(explanation, cf_shown_text(violation, "what"));
        fputc('\n', explanation->out);
    }
}

static void put_notes(const struct cf_explanation *explanation)
{
    size_t i;
    const json_t *note;
    json_array_foreach (explanation->notes, i, note) {
        fputs(i == 0 ? "\nleft out\n  " : "  ", explanation->out);
        cf_explain_put(explanation, cf_shown_text(note, "file"));
        if (json_object_get(note, "line") != NULL)
            fprintf(explanation->out, " line %lld", (long long)cf_shown_number(note, "line"));
        fputs(": ", explanation->out);
        cf_explain_put(explanation, cf_shown_text(note, "why"));
        fputc('\n', explanation->out);
    }
}

static const json_t *find_row(const json_t *rows, const char *id)
{
    size_t i;
    const json_t *row;
    json_array_foreach (rows, i, row)
        if (strcmp(cf_shown_text(row, "id"), id) == 0)
            return row;
    return NULL;
}

/* Reads the nonces and the destination of the row; their absence is a note. */
static void load_plan(struct cf_explanation *explanation)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "launches/%s/launch.json", explanation->launch);
    CF_AUTOFILE FILE *file = cf_rundir_read(explanation->dir, path);
    json_auto_t *launch = file == NULL ? NULL : json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (launch == NULL)
        cf_logs_note(explanation->notes, path, 0, file == NULL ? strerror(errno) : "not JSON");
    explanation->plan =
        json_incref((json_t *)find_row(json_object_get(launch, "rows"), explanation->id));
    explanation->live = json_incref(json_object_get(launch, "live"));
    explanation->control = cf_needle_new(cf_shown_text(explanation->plan, "control"));
    explanation->attempt = cf_needle_new(cf_shown_text(explanation->plan, "attempt"));
    explanation->before = cf_needle_new(cf_shown_text(explanation->live, "before"));
    explanation->after = cf_needle_new(cf_shown_text(explanation->live, "after"));
}

static bool is_harness(const json_t *record, const char *lab)
{
    const char *file = strrchr(cf_shown_text(record, "file"), '/');
    return file != NULL && strcmp(file, "/harness.jsonl") == 0 &&
           strcmp(cf_shown_text(record, "lab"), lab) == 0;
}

size_t cf_explain_next(const struct cf_explanation *explanation, size_t from, const char *event,
                       const char *lab)
{
    for (size_t i = from; i < explanation->logs.count; i++) {
        const json_t *record = explanation->logs.lines[i].record;
        if (is_harness(record, lab) && strcmp(cf_shown_text(record, "event"), event) == 0)
            return i;
    }
    return explanation->logs.count;
}

/* What came of a process: its exit status and how long it took. */
static bool is_outcome(const json_t *record)
{
    return json_object_get(record, "exit") != NULL && json_object_get(record, "ms") != NULL;
}

/* A launch with a command per row logs contract and command first and then, with the row's name,
 * what came of it. */
const char *cf_explain_owner(const struct cf_explanation *explanation, size_t i)
{
    const json_t *record = explanation->logs.lines[i].record;
    const char *lab = cf_shown_text(record, "lab");
    for (; i < explanation->logs.count; i++) {
        const json_t *later = explanation->logs.lines[i].record;
        if (later == record ? cf_shown_text(record, "row")[0] != '\0'
                            : is_harness(later, lab) && is_outcome(later))
            return cf_shown_text(later, "row");
    }
    return "";
}

/* When the row's command was started in LAB, else its first command, else its first event. */
static json_int_t find_origin(const struct cf_explanation *explanation, const char *lab,
                              json_int_t first)
{
    const struct cf_log_line *lines = explanation->logs.lines;
    size_t count = explanation->logs.count;
    size_t started = cf_explain_next(explanation, 0, "command", lab);
    for (size_t i = started; i < count; i = cf_explain_next(explanation, i + 1, "command", lab))
        if (strcmp(cf_explain_owner(explanation, i), explanation->id) == 0)
            return lines[i].t;
    return started < count ? lines[started].t : first;
}

static json_t *find_origins(const struct cf_explanation *explanation)
{
    json_t *origins = json_object();
    for (size_t i = 0; i < explanation->logs.count; i++) {
        const struct cf_log_line *line = &explanation->logs.lines[i];
        const char *lab = cf_shown_text(line->record, "lab");
        if (json_object_get(origins, lab) == NULL)
            json_object_set_new(origins, lab, json_integer(find_origin(explanation, lab, line->t)));
    }
    return origins;
}

static void release(struct cf_explanation *explanation)
{
    cf_logs_free(&explanation->logs);
    json_decref(explanation->origins);
    json_decref(explanation->plan);
    json_decref(explanation->live);
    cf_needle_free(explanation->control);
    cf_needle_free(explanation->attempt);
    cf_needle_free(explanation->before);
    cf_needle_free(explanation->after);
}

static int explain(struct cf_explanation *explanation, struct cf_error *err)
{
    int code = cf_logs_read(explanation->dir, explanation->launch, explanation->notes,
                            &explanation->logs, err);
    if (code != 0)
        return code;
    load_plan(explanation);
    explanation->origins = find_origins(explanation);
    put_head(explanation);
    put_violations(explanation);
    cf_explain_commands(explanation);
    cf_explain_legs(explanation);
    cf_explain_packets(explanation);
    put_notes(explanation);
    release(explanation);
    return 0;
}

int cf_report_explain(FILE *out, const char *dir, const json_t *result, const char *row,
                      struct cf_error *err)
{
    json_auto_t *clean = NULL;
    json_auto_t *notes = json_array();
    CF_AUTOCLOSE int fd = -1;
    int code = cf_shown_clean(&clean, result, err);
    if (code == 0)
        code = cf_rundir_open(dir, &fd, err);
    if (code != 0)
        return code;
    const json_t *found = find_row(json_object_get(clean, "rows"), row);
    if (found == NULL)
        return cf_fail(err, CF_E_USAGE, 0, "%s: this run has no such row", row);
    struct cf_explanation explanation = {.out = out, .dir = fd, .row = found, .notes = notes};
    explanation.id = cf_shown_text(found, "id");
    explanation.launch = cf_shown_text(found, "launch");
    return explain(&explanation, err);
}
