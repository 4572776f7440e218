/*
 * profile.c - where the time of a run went, from what its labs wrote down.
 *
 *     set-up     from the wish for a lab until its observers listen
 *     prove      until every observer has stored its opening heartbeats and the sidecar serves
 *     run        until the launch is over
 *     settle     the stated window after it
 *     close      closing heartbeats, until the last log is closed
 */
#include <stdlib.h>
#include <string.h>

#include "report/logs.h"
#include "report/report.h"
#include "report/rundir.h"
#include "report/scope.h"
#include "report/shown.h"
#include "report/text.h"

enum mark { BEGUN, READY, SERVED, OVER, SETTLED, CLOSED, MARKS };

struct lab_times {
    const char *launch, *lab; /* borrowed from the logs */
    json_int_t at[MARKS];     /* nanoseconds; 0: never seen */
};

struct profile {
    struct lab_times *labs;
    size_t count;
};

static struct lab_times *find_lab(struct profile *profile, const json_t *record)
{
    const char *launch = cf_shown_text(record, "launch"), *lab = cf_shown_text(record, "lab");
    for (size_t i = 0; i < profile->count; i++)
        if (strcmp(profile->labs[i].launch, launch) == 0 && strcmp(profile->labs[i].lab, lab) == 0)
            return &profile->labs[i];
    struct lab_times *grown = realloc(profile->labs, (profile->count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    profile->labs = grown;
    grown[profile->count] = (struct lab_times){.launch = launch, .lab = lab};
    return &grown[profile->count++];
}

static void take_mark(struct lab_times *lab, const json_t *record, json_int_t t)
{
    const char *event = cf_shown_text(record, "event");
    const char *observer = cf_shown_text(record, "observer");
    if (strcmp(observer, "lab") == 0 && strcmp(event, "ready") == 0) {
        lab->at[READY] = t;
        lab->at[BEGUN] = t - cf_shown_number(record, "setup_ns");
    } else if (strcmp(observer, "lab") == 0 && strcmp(event, "close") == 0) {
        lab->at[CLOSED] = t;
    } else if (strcmp(observer, "harness") == 0 && strcmp(event, "settled") == 0) {
        lab->at[SETTLED] = t;
        lab->at[OVER] = t - cf_shown_number(record, "ms") * 1000000;
    } else if (strcmp(event, "sidecar-started") == 0 && lab->at[SERVED] == 0) {
        lab->at[SERVED] = t;
    }
}

/* The order in which the labs were begun. */
static int by_begin(const void *left, const void *right)
{
    const struct lab_times *a = left, *b = right;
    return (a->at[BEGUN] > b->at[BEGUN]) - (a->at[BEGUN] < b->at[BEGUN]);
}

static void put_span(FILE *out, const struct lab_times *lab, enum mark from, enum mark to)
{
    if (lab->at[from] == 0 || lab->at[to] == 0)
        fprintf(out, " %8s", "-");
    else
        fprintf(out, " %8.2f", (double)(lab->at[to] - lab->at[from]) / 1e9);
}

static void put_lab(FILE *out, const struct lab_times *lab, json_int_t zero)
{
    fputs("  ", out);
    cf_text_fit(out, lab->launch, 18, true);
    fputs(" ", out);
    cf_text_fit(out, lab->lab, 8, true);
    fprintf(out, " %8.2f", lab->at[BEGUN] == 0 ? 0.0 : (double)(lab->at[BEGUN] - zero) / 1e9);
    for (int mark = BEGUN; mark < CLOSED; mark++)
        put_span(out, lab, (enum mark)mark, (enum mark)(mark + 1));
    put_span(out, lab, BEGUN, CLOSED);
    fputc('\n', out);
}

static json_int_t first_begin(const struct profile *profile)
{
    for (size_t i = 0; i < profile->count; i++)
        if (profile->labs[i].at[BEGUN] != 0)
            return profile->labs[i].at[BEGUN];
    return 0;
}

int cf_report_profile(FILE *out, const char *dir, struct cf_error *err)
{
    CF_AUTOCLOSE int fd = -1;
    struct cf_logs logs;
    struct profile profile = {0};
    json_auto_t *notes = json_array();
    int failed = cf_rundir_open(dir, &fd, err);
    if (failed == 0)
        failed = cf_logs_read(fd, NULL, notes, &logs, err);
    if (failed != 0)
        return failed;
    for (size_t i = 0; i < logs.count; i++) {
        struct lab_times *lab = find_lab(&profile, logs.lines[i].record);
        if (lab != NULL)
            take_mark(lab, logs.lines[i].record, logs.lines[i].t);
    }
    if (profile.count > 0)
        qsort(profile.labs, profile.count, sizeof *profile.labs, by_begin);
    fprintf(out, "\nseconds\n  %-18s %-8s %8s %8s %8s %8s %8s %8s %8s\n", "launch", "lab", "begins",
            "set-up", "prove", "run", "settle", "close", "all");
    for (size_t i = 0; i < profile.count; i++)
        put_lab(out, &profile.labs[i], first_begin(&profile));
    free(profile.labs);
    cf_logs_free(&logs);
    return 0;
}
