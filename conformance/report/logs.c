#include "report/logs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/rundir.h"
#include "report/scope.h"

void cf_logs_note(json_t *notes, const char *file, size_t line, const char *why)
{
    json_t *note = json_pack("{s:s, s:s, s:s}", "note", "skipped", "file", file, "why", why);
    if (line != 0 && note != NULL)
        json_object_set_new(note, "line", json_integer((json_int_t)line));
    json_array_append_new(notes, note);
}

/* The time of RECORD: observers write `t`, the probe's receipts `t_start`. */
static const json_t *time_of(const json_t *record)
{
    const json_t *t = json_object_get(record, "t");
    return t != NULL ? t : json_object_get(record, "t_start");
}

/* Parses a line into *RECORD; returns NULL, or why the line is left out. */
static const char *parse(const char *line, size_t length, json_t **record)
{
    if (length > CF_LOG_LINE_MAX)
        return "the line is too long";
    json_t *parsed = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(parsed) || !json_is_integer(time_of(parsed))) {
        const char *why = parsed == NULL ? "not JSON" : "no event with a time";
        json_decref(parsed);
        return why;
    }
    *record = parsed;
    return NULL;
}

static int append(struct cf_logs *logs, const json_t *file, json_t *record)
{
    if ((logs->count & (logs->count + 1)) == 0) { /* room doubles at 2^n - 1 lines */
        size_t room = 2 * (logs->count + 1);
        struct cf_log_line *grown = realloc(logs->lines, room * sizeof *grown);
        if (grown == NULL) {
            json_decref(record);
            return -1;
        }
        logs->lines = grown;
    }
    struct cf_log_line line = {json_integer_value(time_of(record)), logs->count, record};
    logs->lines[logs->count++] = line;
    return json_object_update(record, (json_t *)file);
}

static int read_log(FILE *stream, const json_t *file, json_t *notes, struct cf_logs *logs)
{
    const char *path = json_string_value(json_object_get(file, "file"));
    CF_AUTOFREE char *line = NULL;
    size_t room = 0, number = 0;
    for (ssize_t length; (length = getline(&line, &room, stream)) > 0;) {
        json_t *record = NULL;
        const char *why = parse(line, (size_t)length, &record);
        number++;
        if (why != NULL)
            cf_logs_note(notes, path, number, why);
        else if (append(logs, file, record) != 0)
            return -1;
    }
    if (ferror(stream))
        cf_logs_note(notes, path, 0, "the rest cannot be read");
    return 0;
}

static int by_time(const void *left, const void *right)
{
    const struct cf_log_line *a = left, *b = right;
    if (a->t != b->t)
        return a->t < b->t ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

int cf_logs_read(int dir, const char *launch, json_t *notes, struct cf_logs *out,
                 struct cf_error *err)
{
    json_auto_t *files = cf_rundir_files(dir, launch, ".jsonl");
    if (files == NULL)
        return cf_fail(err, CF_E_SYSTEM, errno, "launches: the event logs cannot be listed");
    struct cf_logs logs = {0};
    size_t i;
    const json_t *file;
    json_array_foreach (files, i, file) {
        const char *path = json_string_value(json_object_get(file, "file"));
        CF_AUTOFILE FILE *stream = cf_rundir_read(dir, path);
        if (stream == NULL) {
            cf_logs_note(notes, path, 0, strerror(errno));
        } else if (read_log(stream, file, notes, &logs) != 0) {
            cf_logs_free(&logs);
            return cf_fail(err, CF_E_SYSTEM, ENOMEM, "%s", path);
        }
    }
    if (logs.count > 0)
        qsort(logs.lines, logs.count, sizeof *logs.lines, by_time);
    *out = logs;
    return 0;
}

void cf_logs_free(struct cf_logs *logs)
{
    for (size_t i = 0; i < logs->count; i++)
        json_decref(logs->lines[i].record);
    free(logs->lines);
    memset(logs, 0, sizeof *logs);
}
