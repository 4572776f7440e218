/* tampers_observers.c - observers that died, were deaf, or lost something. */
#include "tamper_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- observers ---- */

static void drops(const struct bundle *bundle)
{
    tamper_set(bundle, AT "subject/capture.jsonl", "stats", "drops", json_integer(1));
}

static void drops_in_control(const struct bundle *bundle)
{
    tamper_set(bundle, AT "control/capture.jsonl", "stats", "drops", json_integer(1));
}

static void no_drop_counter(const struct bundle *bundle)
{
    tamper_drop(bundle, AT "subject/capture.jsonl", "stats", "stats");
}

static void heartbeat(const struct bundle *bundle, const char *leg, const char *label)
{
    char file[128];
    snprintf(file, sizeof file, AT "%s/harness.jsonl", leg);
    json_t *records = bundle_log(bundle, file);
    json_object_set_new(bundle_record(records, "heartbeat", "label", label, NULL), "seen",
                        json_false());
    bundle_write_log(bundle, file, records);
}

static void deaf_at_first(const struct bundle *bundle)
{
    heartbeat(bundle, "subject", "opening");
}

static void deaf_at_last(const struct bundle *bundle)
{
    heartbeat(bundle, "subject", "closing");
}

static void deaf_in_control(const struct bundle *bundle)
{
    heartbeat(bundle, "control", "closing");
}

static void no_closing_heartbeats(const struct bundle *bundle)
{
    tamper_drop(bundle, AT "subject/harness.jsonl", "heartbeat", "\"closing\"");
}

static void no_heartbeats(const struct bundle *bundle)
{
    tamper_drop(bundle, AT "subject/harness.jsonl", "heartbeat", "\"road\"");
}

static void one_road_never_tried(const struct bundle *bundle)
{
    tamper_drop(bundle, AT "subject/harness.jsonl", "heartbeat", "\"lo6_tcp\"");
}

static void no_settle_window(const struct bundle *bundle)
{
    tamper_drop(bundle, AT "subject/harness.jsonl", "settled", "\"settled\"");
}

static void observer_never_started(const struct bundle *bundle)
{
    bundle_delete(bundle, AT "subject/honeypots.jsonl");
}

static void observer_died(const struct bundle *bundle)
{
    tamper_add(bundle, AT "subject/lab.jsonl", "lab", "observer-exit",
               json_pack("{sssi}", "name", "canary", "status", 137));
}

/* Takes the close record away: the observer was killed. */
static void cut_close(const struct bundle *bundle, const char *file)
{
    size_t length;
    char *text = bundle_read(bundle, file, &length);
    while (length > 1 && text[length - 2] != '\n')
        length--;
    bundle_write(bundle, file, text, length - 1);
    free(text);
}

static void canary_unclosed(const struct bundle *bundle)
{
    cut_close(bundle, AT "subject/canary.jsonl");
}

static void harness_unclosed(const struct bundle *bundle)
{
    cut_close(bundle, AT "subject/harness.jsonl");
}

static void sidecar_unclosed(const struct bundle *bundle)
{
    cut_close(bundle, AT "subject/sidecar-0.jsonl");
}

static void control_canary_unclosed(const struct bundle *bundle)
{
    cut_close(bundle, AT "control/canary.jsonl");
}

static void lab_failed(const struct bundle *bundle)
{
    json_t *launch = bundle_json(bundle, AT "launch.json");
    json_t *legs = json_object_get(launch, "legs");
    json_object_set_new(json_object_get(legs, "subject"), "status", json_integer(70));
    bundle_write_json(bundle, AT "launch.json", launch);
}

static void control_failed(const struct bundle *bundle)
{
    json_t *launch = bundle_json(bundle, AT "launch.json");
    json_t *legs = json_object_get(launch, "legs");
    json_object_set_new(json_object_get(legs, "control"), "status", json_integer(1));
    bundle_write_json(bundle, AT "launch.json", launch);
}

const struct tamper cf_tampers_observers[] = {
    {"the capture dropped a frame", drops, UNSURE, "dropped"},
    {"the control's capture dropped a frame", drops_in_control, UNSURE, "dropped"},
    {"no drop counter", no_drop_counter, UNSURE, "counter"},
    {"an observer deaf from the start", deaf_at_first, UNSURE, "deaf"},
    {"an observer deaf at the end", deaf_at_last, UNSURE, "deaf"},
    {"an observer deaf in the control", deaf_in_control, UNSURE, "deaf"},
    {"no closing heartbeats: their frames are nobody's", no_closing_heartbeats, FAIL, "nobody's"},
    {"no heartbeats at all", no_heartbeats, FAIL, "nobody's"},
    {"one road without heartbeats", one_road_never_tried, UNSURE, "lo6_tcp"},
    {"no settle window", no_settle_window, UNSURE, "settle"},
    {"an observer never started", observer_never_started, UNSURE, "honeypots"},
    {"an observer died", observer_died, UNSURE, "canary"},
    {"a canary log without its end", canary_unclosed, UNSURE, "closed"},
    {"a harness log without its end", harness_unclosed, UNSURE, "closed"},
    {"a sidecar log without its end", sidecar_unclosed, UNSURE, "closed"},
    {"a control log without its end", control_canary_unclosed, UNSURE, "closed"},
    {"the subject's lab failed", lab_failed, UNSURE, "lab failed"},
    {"the control's lab failed", control_failed, UNSURE, "lab failed"},
    {NULL, NULL, NULL, NULL},
};
