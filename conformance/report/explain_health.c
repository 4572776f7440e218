/*
 * explain_health.c - whether the observers could hear at all, in a few lines.
 *
 * Heartbeats that were seen are counted; whatever is not as it should be is spelt out.
 */
#include <string.h>

#include "report/explain_private.h"
#include "report/shown.h"

static bool is_event(const json_t *record, const char *event, const char *lab)
{
    return strcmp(cf_shown_text(record, "event"), event) == 0 &&
           strcmp(cf_shown_text(record, "lab"), lab) == 0;
}

static void put_unseen(const struct cf_explanation *explanation, const json_t *record)
{
    fputs("    NOT SEEN: ", explanation->out);
    cf_explain_put(explanation, cf_shown_text(record, "road"));
    fputs(" to ", explanation->out);
    cf_explain_put(explanation, cf_shown_text(record, "address"));
    fprintf(explanation->out, " port %lld\n", (long long)cf_shown_number(record, "port"));
}

static void put_heartbeats(const struct cf_explanation *explanation, const char *lab,
                           const char *label)
{
    size_t all = 0, seen = 0;
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < explanation->logs.count; i++) {
            const json_t *record = explanation->logs.lines[i].record;
            if (!is_event(record, "heartbeat", lab) ||
                strcmp(cf_shown_text(record, "label"), label) != 0)
                continue;
            bool heard = json_is_true(json_object_get(record, "seen"));
            all += pass == 0;
            seen += pass == 0 && heard;
            if (pass == 1 && !heard)
                put_unseen(explanation, record);
        }
        if (pass == 0)
            fprintf(explanation->out, "  %s lab, %s: %zu of %zu heartbeats seen\n", lab, label,
                    seen, all);
    }
}

static void put_deaths(const struct cf_explanation *explanation, const char *lab)
{
    for (size_t i = 0; i < explanation->logs.count; i++) {
        const json_t *record = explanation->logs.lines[i].record;
        if (is_event(record, "observer-exit", lab) && cf_shown_number(record, "status") != 0) {
            fprintf(explanation->out, "  %s lab: an observer died:", lab);
            cf_explain_fields(explanation, record);
            fputc('\n', explanation->out);
        }
        if (is_event(record, "stats", lab))
            fprintf(
                explanation->out, "  %s lab, capture: %lld frames, %lld dropped\n", lab,
                (long long)cf_shown_number(record, "frames"),
                (long long)(cf_shown_number(record, "drops") + cf_shown_number(record, "ifdrops")));
    }
}

void cf_explain_health(const struct cf_explanation *explanation)
{
    static const char *const labs[] = {"control", "subject"};
    for (size_t i = 0; i < sizeof labs / sizeof labs[0]; i++) {
        put_heartbeats(explanation, labs[i], "opening");
        put_heartbeats(explanation, labs[i], "closing");
        put_deaths(explanation, labs[i]);
    }
}
