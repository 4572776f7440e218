#include "tamper_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nonce.h"

/* A nonce of launch.json: "control", "attempt", "before" or "after". */
char *tamper_nonce(const struct bundle *bundle, const char *which)
{
    static char text[CF_NONCE_TEXT];
    json_t *launch = bundle_json(bundle, AT "launch.json");
    const json_t *live = json_object_get(launch, "live");
    const json_t *row = json_array_get(json_object_get(launch, "rows"), 0);
    const char *nonce = json_string_value(json_object_get(live, which));
    if (nonce == NULL)
        nonce = json_string_value(json_object_get(row, which));
    assert_non_null(nonce);
    snprintf(text, sizeof text, "%s", nonce);
    json_decref(launch);
    return text;
}

int tamper_holds(const json_t *record, const char *word)
{
    char *text = json_dumps(record, JSON_COMPACT);
    int found = text != NULL && strstr(text, word) != NULL;
    free(text);
    return found;
}

static const char *event_of(const json_t *record)
{
    return json_string_value(json_object_get(record, "event"));
}

/* Drops the records of FILE that hold WORD and are called EVENT (NULL: whatever they are called);
 * fails the test when there are none. */
void tamper_drop(const struct bundle *bundle, const char *file, const char *event, const char *word)
{
    json_t *records = bundle_log(bundle, file);
    size_t before = json_array_size(records);
    for (size_t i = before; i-- > 0;) {
        const json_t *record = json_array_get(records, i);
        if ((event == NULL || strcmp(event_of(record), event) == 0) && tamper_holds(record, word))
            json_array_remove(records, i);
    }
    assert_true(json_array_size(records) < before);
    bundle_write_log(bundle, file, records);
}

void tamper_add(const struct bundle *bundle, const char *file, const char *observer,
                const char *event, json_t *fields)
{
    json_t *records = bundle_log(bundle, file);
    bundle_add_record(records, observer, event, fields);
    bundle_write_log(bundle, file, records);
}

void tamper_set(const struct bundle *bundle, const char *file, const char *event, const char *key,
                json_t *value)
{
    json_t *records = bundle_log(bundle, file);
    json_object_set_new(bundle_record(records, event, NULL, NULL, NULL), key, value);
    bundle_write_log(bundle, file, records);
}

/* Replaces OLD by NEW wherever it stands in a log. */
void tamper_replace(const struct bundle *bundle, const char *file, const char *old, const char *new)
{
    size_t length, done = 0;
    char *text = bundle_read(bundle, file, &length), *out = NULL;
    for (char *at = text, *hit; at != NULL; at = hit == NULL ? NULL : hit + strlen(old)) {
        hit = strstr(at, old);
        size_t plain = hit == NULL ? strlen(at) : (size_t)(hit - at);
        char *grown = realloc(out, done + plain + strlen(new) + 1);
        assert_non_null(grown);
        out = grown;
        memcpy(out + done, at, plain);
        done += plain;
        if (hit != NULL) {
            memcpy(out + done, new, strlen(new));
            done += strlen(new);
        }
    }
    bundle_write(bundle, file, out, done);
    free(out);
    free(text);
    bundle_write_log(bundle, file, bundle_log(bundle, file));
}

void tamper_count_frames(const struct bundle *bundle, const char *leg, json_int_t frames)
{
    char file[128];
    snprintf(file, sizeof file, AT "%s/capture.jsonl", leg);
    tamper_set(bundle, file, "stats", "frames", json_integer(frames));
}

json_t *tamper_arrival(const char *via, const char *data)
{
    bool sidecar = strcmp(via, "sidecar") == 0;
    return json_pack("{sssisssissss}", "src", sidecar ? "198.18.1.1" : "203.0.113.2", "sport",
                     61234, "dst", "9.9.9.9", "dport", 443, "via", via, "data", data);
}
