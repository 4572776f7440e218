/* events.c - events.jsonl: every observer's log in one, by time, then a note for what is missing.
 */
#include <errno.h>

#include "report/logs.h"
#include "report/output.h"
#include "report/rundir.h"

static int put_record(FILE *out, const json_t *record)
{
    int result = json_dumpf(record, out, JSON_COMPACT | JSON_ENSURE_ASCII);
    return fputc('\n', out) == '\n' ? result : -1;
}

static int put_all(FILE *out, const struct cf_logs *logs, const json_t *notes)
{
    int result = 0;
    for (size_t i = 0; i < logs->count && result == 0; i++)
        result = put_record(out, logs->lines[i].record);
    size_t i;
    const json_t *note;
    json_array_foreach (notes, i, note)
        result = result == 0 ? put_record(out, note) : result;
    return result;
}

int cf_output_events(int dir, json_t *notes, struct cf_error *err)
{
    struct cf_logs logs;
    struct cf_rundir_output out;
    int code = cf_logs_read(dir, NULL, notes, &logs, err);
    if (code != 0)
        return code;
    code = cf_rundir_create(dir, "events.jsonl", &out, err);
    if (code == 0 && put_all(out.file, &logs, notes) != 0) {
        code = cf_fail(err, CF_E_SYSTEM, errno, "events.jsonl: cannot be written");
        cf_rundir_discard(&out);
    } else if (code == 0) {
        code = cf_rundir_commit(&out, err);
    }
    cf_logs_free(&logs);
    return code;
}
