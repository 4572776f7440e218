#include "judge/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "scenarios/bounds.h"

static void object(char *problem, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says the first problem only: what came later may well follow from it. */
static void object(char *problem, size_t size, const char *format, ...)
{
    va_list args;
    if (problem[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(problem, size, format, args);
    va_end(args);
}

static char *read_file(const char *path, size_t *length)
{
    FILE *in = fopen(path, "rbe");
    char *text = NULL;
    size_t used = 0;
    if (in == NULL)
        return NULL;
    for (;;) {
        char *grown = realloc(text, used + 65537);
        if (grown == NULL)
            break;
        text = grown;
        size_t got = fread(text + used, 1, 65536, in);
        used += got;
        if (got == 0)
            break;
    }
    fclose(in);
    if (text != NULL)
        text[used] = '\0';
    *length = used;
    return text;
}

/* Whether the harness itself ended the sidecar of this log by force: then a close record is not
 * owed. */
static bool killed_by_harness(const json_t *harness, const char *observer)
{
    size_t index;
    json_t *record;
    if (strncmp(observer, "sidecar-", 8) != 0)
        return false;
    json_array_foreach (harness, index, record) {
        const char *event = json_string_value(json_object_get(record, "event"));
        if (event != NULL && strcmp(event, "sidecar-stopped") == 0 &&
            json_integer_value(json_object_get(record, "index")) == atoi(observer + 8))
            return json_integer_value(json_object_get(record, "signal")) == SIGKILL;
    }
    return false;
}

/* The close record must count the records and hash the bytes before its own line. */
static bool closed_well(const json_t *record, size_t index, const char *text, size_t before)
{
    char digest[65];
    const char *event = json_string_value(json_object_get(record, "event"));
    const char *claimed = json_string_value(json_object_get(record, "sha256"));
    return event != NULL && strcmp(event, "close") == 0 && claimed != NULL &&
           json_integer_value(json_object_get(record, "records")) == (json_int_t)index &&
           cf_digest_bytes(text, before, digest) == 0 && strcmp(digest, claimed) == 0;
}

/* Parses a log; *CLOSED tells whether its last record closes it. NULL: not a log. */
static json_t *parse_log(char *text, bool *closed)
{
    json_t *records = json_array();
    size_t index = 0;
    *closed = false;
    for (char *line = text, *end; *line != '\0'; line = end + 1, index++) {
        end = strchr(line, '\n');
        json_t *record = end == NULL ? NULL : json_loadb(line, (size_t)(end - line), 0, NULL);
        bool in_order = json_integer_value(json_object_get(record, "seq")) == (json_int_t)index;
        if (!json_is_object(record) || !in_order || *closed) {
            json_decref(record);
            json_decref(records);
            return NULL;
        }
        *closed = closed_well(record, index, text, (size_t)(line - text));
        json_array_append_new(records, record);
    }
    return records;
}

static void load_log(struct cf_leg_evidence *leg, const char *path, const char *observer,
                     const char *leg_name)
{
    size_t length = 0;
    char *text = read_file(path, &length);
    bool closed = false;
    json_t *records = text == NULL || strlen(text) != length ? NULL : parse_log(text, &closed);
    free(text);
    if (json_array_size(records) == 0) { /* even an idle observer opens its log */
        json_decref(records);
        object(leg->problem, sizeof leg->problem, "%s/%s.jsonl is damaged or has a gap", leg_name,
               observer);
        return;
    }
    json_object_set_new(leg->logs, observer, records);
    json_object_set_new(leg->streams, observer, cf_streams_join(records));
    if (closed && strcmp(observer, "harness") == 0)
        leg->harness_whole = true;
    if (!closed) /* whether that is allowed is known once every log is read */
        json_object_set_new(json_array_get(records, 0), "unclosed", json_true());
}

static void check_closed(struct cf_leg_evidence *leg, const char *leg_name)
{
    const char *observer;
    json_t *records, *harness = json_object_get(leg->logs, "harness");
    json_object_foreach (leg->logs, observer, records) {
        if (json_object_get(json_array_get(records, 0), "unclosed") != NULL &&
            !killed_by_harness(harness, observer))
            object(leg->problem, sizeof leg->problem,
                   "%s: the observer %s ended before it closed its log", leg_name, observer);
    }
}

static void check_present(struct cf_leg_evidence *leg, const char *leg_name)
{
    static const char *const required[] = {"canary", "capture", "honeypots", "harness", "lab"};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
        if (json_object_get(leg->logs, required[i]) == NULL)
            object(leg->problem, sizeof leg->problem, "%s: no log of the observer %s", leg_name,
                   required[i]);
}

/* Every road a leak could take; the honeypots' roads beyond these are the lab's to name. */
static const char *const roads[] = {"tcp4",  "tcp6",  "udp4",    "udp6",    "dns4",    "dns6",
                                    "icmp4", "icmp6", "lo4_tcp", "lo4_udp", "lo6_tcp", "lo6_udp"};

static bool text_is(const json_t *record, const char *key, const char *text)
{
    const char *is = json_string_value(json_object_get(record, key));
    return is != NULL && strcmp(is, text) == 0;
}

static bool is_seen(const json_t *record)
{
    const json_t *wanted = json_object_get(record, "wanted");
    return json_is_true(json_object_get(record, "seen")) && json_array_size(wanted) > 0 &&
           json_equal(wanted, json_object_get(record, "stored"));
}

/* Counts the heartbeats over ROAD; one that no observer stored is a problem. */
static int count_heartbeats(struct cf_leg_evidence *leg, const char *leg_name, const char *label,
                            const char *road)
{
    size_t index;
    json_t *record;
    int count = 0;
    json_array_foreach (json_object_get(leg->logs, "harness"), index, record) {
        if (!text_is(record, "event", "heartbeat") || !text_is(record, "label", label) ||
            !text_is(record, "road", road))
            continue;
        count++;
        if (!is_seen(record))
            object(leg->problem, sizeof leg->problem,
                   "%s: an observer was deaf: the %s heartbeat over %s was not seen", leg_name,
                   label, road);
    }
    return count;
}

static void check_heartbeats(struct cf_leg_evidence *leg, const char *leg_name)
{
    static const char *const labels[] = {"opening", "closing"};
    size_t index;
    json_t *record;
    for (size_t i = 0; i < 2 * sizeof roads / sizeof roads[0]; i++)
        if (count_heartbeats(leg, leg_name, labels[i % 2], roads[i / 2]) != 1)
            object(leg->problem, sizeof leg->problem, "%s: no %s heartbeat over %s", leg_name,
                   labels[i % 2], roads[i / 2]);
    json_array_foreach (json_object_get(leg->logs, "harness"), index, record) {
        if (text_is(record, "event", "heartbeat") && !is_seen(record))
            object(leg->problem, sizeof leg->problem,
                   "%s: an observer was deaf: a heartbeat was not seen", leg_name);
    }
}

/* The stated window was kept, and the closing heartbeats came behind it. */
static void check_settled(struct cf_leg_evidence *leg, const char *leg_name)
{
    size_t index;
    json_t *record;
    bool settled = false;
    json_array_foreach (json_object_get(leg->logs, "harness"), index, record) {
        if (text_is(record, "event", "settled"))
            settled = json_integer_value(json_object_get(record, "ms")) >= CF_SETTLE_MS;
        if (text_is(record, "event", "heartbeat") && text_is(record, "label", "closing") &&
            !settled)
            object(leg->problem, sizeof leg->problem,
                   "%s: the closing heartbeats did not wait for the settle window", leg_name);
    }
    if (!settled)
        object(leg->problem, sizeof leg->problem, "%s: the settle window was not kept", leg_name);
}

/* The capture told its counters: nothing dropped, and as many frames as its file holds. */
static void check_capture(struct cf_leg_evidence *leg, const char *leg_name)
{
    size_t index;
    json_t *record;
    bool told = false;
    json_array_foreach (json_object_get(leg->logs, "capture"), index, record) {
        if (!text_is(record, "event", "stats"))
            continue;
        told = true;
        if (json_integer_value(json_object_get(record, "drops")) != 0 ||
            json_integer_value(json_object_get(record, "ifdrops")) != 0)
            object(leg->problem, sizeof leg->problem, "%s: the capture dropped frames", leg_name);
        if (json_integer_value(json_object_get(record, "frames")) != (json_int_t)leg->frame_count)
            object(leg->problem, sizeof leg->problem,
                   "%s: the capture saw another number of frames than its file holds", leg_name);
    }
    if (!told)
        object(leg->problem, sizeof leg->problem, "%s: the capture never told its counters",
               leg_name);
}

static void check_observers(struct cf_leg_evidence *leg, const char *leg_name)
{
    size_t index;
    json_t *record;
    json_array_foreach (json_object_get(leg->logs, "lab"), index, record) {
        const char *event = json_string_value(json_object_get(record, "event"));
        const char *observer = json_string_value(json_object_get(record, "name"));
        if (event != NULL && strcmp(event, "observer-exit") == 0 &&
            json_integer_value(json_object_get(record, "status")) != 0)
            object(leg->problem, sizeof leg->problem, "%s: the observer %s did not end well",
                   leg_name, observer == NULL ? "?" : observer);
    }
}

static void load_leg(struct cf_evidence *evidence, enum cf_leg which, const char *directory)
{
    struct cf_leg_evidence *leg = &evidence->legs[which];
    const char *name = cf_leg_name(which);
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    leg->logs = json_object();
    leg->streams = json_object();
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        size_t length = strlen(entry->d_name);
        char observer[128];
        if (length < 7 || length > 100 || strcmp(entry->d_name + length - 6, ".jsonl") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s/%s", directory, name, entry->d_name);
        snprintf(observer, sizeof observer, "%.*s", (int)(length - 6), entry->d_name);
        load_log(leg, path, observer, name);
    }
    if (entries != NULL)
        closedir(entries);
    check_present(leg, name);
    check_closed(leg, name);
    check_observers(leg, name);
    struct cf_error err = {0};
    snprintf(path, sizeof path, "%s/%s/capture.pcap", directory, name);
    if (cf_frames_load(leg, path, &err) != 0)
        object(leg->problem, sizeof leg->problem, "%s: %s", name, err.text);
    check_capture(leg, name);
    check_heartbeats(leg, name);
    check_settled(leg, name);
}

static void check_digests(struct cf_evidence *evidence, const char *directory)
{
    const char *name;
    json_t *entry;
    int dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    json_t *files = json_object_get(evidence->launch, "files");
    if (json_object_size(files) == 0)
        object(evidence->problem, sizeof evidence->problem, "no file is listed");
    json_object_foreach (files, name, entry) {
        char digest[65];
        const char *claimed = json_string_value(json_object_get(entry, "sha256"));
        if (cf_digest_file(dirfd, name, digest, NULL, NULL) != 0)
            object(evidence->problem, sizeof evidence->problem, "%s is missing", name);
        else if (claimed == NULL || strcmp(claimed, digest) != 0)
            object(evidence->problem, sizeof evidence->problem,
                   "%s was changed after it was recorded", name);
    }
    if (dirfd >= 0)
        close(dirfd);
}

/* What stands in a lab's folder without being listed was put there after the run. */
static void check_listed(struct cf_evidence *evidence, const char *directory)
{
    const json_t *files = json_object_get(evidence->launch, "files");
    for (int leg = 0; leg < CF_LEG_COUNT; leg++) {
        char path[2048];
        snprintf(path, sizeof path, "%s/%s", directory, cf_leg_name(leg));
        DIR *entries = opendir(path);
        for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
            snprintf(path, sizeof path, "%s/%s", cf_leg_name(leg), entry->d_name);
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                json_object_get(files, path) == NULL)
                object(evidence->problem, sizeof evidence->problem, "%s was added after the run",
                       path);
        }
        if (entries != NULL)
            closedir(entries);
    }
}

static void check_field(struct cf_evidence *evidence, const json_t *value, const char *expected,
                        const char *what)
{
    const char *text = json_string_value(value);
    if (expected != NULL && (text == NULL || strcmp(text, expected) != 0))
        object(evidence->problem, sizeof evidence->problem,
               "the evidence is not of this invocation: another %s", what);
}

static void check_expected(struct cf_evidence *evidence, const struct cf_expected *expected)
{
    const json_t *launch = evidence->launch;
    check_field(evidence, json_object_get(launch, "invocation"), expected->invocation, "run");
    check_field(evidence, json_object_get(launch, "register_sha256"), expected->register_sha256,
                "register");
    check_field(evidence, json_object_get(json_object_get(launch, "subject"), "sha256"),
                expected->subject_sha256, "subject");
    check_field(evidence, json_object_get(json_object_get(launch, "launcher"), "sha256"),
                expected->launcher_sha256, "launcher");
}

static void check_labs(struct cf_evidence *evidence)
{
    for (int leg = 0; leg < CF_LEG_COUNT; leg++) {
        const json_t *lab =
            json_object_get(json_object_get(evidence->launch, "legs"), cf_leg_name(leg));
        const json_t *status = json_object_get(lab, "status");
        const char *why = json_string_value(json_object_get(lab, "error"));
        if (!json_is_integer(status) || json_integer_value(status) != 0)
            object(evidence->legs[leg].problem, sizeof evidence->legs[leg].problem,
                   "the %s lab failed: %s", cf_leg_name(leg), why == NULL ? "no word why" : why);
    }
}

int cf_evidence_load(struct cf_evidence *evidence, const char *run_dir, const char *name,
                     const struct cf_expected *expected, struct cf_error *err)
{
    char directory[1024], path[1200];
    memset(evidence, 0, sizeof *evidence);
    if (snprintf(directory, sizeof directory, "%s/launches/%s", run_dir, name) >=
        (int)sizeof directory)
        return cf_fail(err, CF_E_USAGE, ENAMETOOLONG, "%s", run_dir);
    snprintf(evidence->directory, sizeof evidence->directory, "launches/%s", name);
    snprintf(path, sizeof path, "%s/launch.json", directory);
    evidence->launch = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (evidence->launch == NULL) {
        object(evidence->problem, sizeof evidence->problem,
               "there is no evidence of this launch: launch.json is missing or damaged");
        return 0;
    }
    check_expected(evidence, expected);
    check_digests(evidence, directory);
    check_listed(evidence, directory);
    check_labs(evidence);
    for (int leg = 0; leg < CF_LEG_COUNT; leg++)
        load_leg(evidence, leg, directory);
    return 0;
}

void cf_evidence_release(struct cf_evidence *evidence)
{
    json_decref(evidence->launch);
    for (int leg = 0; leg < CF_LEG_COUNT; leg++) {
        json_decref(evidence->legs[leg].logs);
        json_decref(evidence->legs[leg].streams);
        for (size_t i = 0; i < evidence->legs[leg].frame_count; i++)
            free(evidence->legs[leg].frames[i].bytes);
        free(evidence->legs[leg].frames);
    }
    memset(evidence, 0, sizeof *evidence);
}

json_t *cf_evidence_log(const struct cf_evidence *evidence, enum cf_leg leg, const char *observer)
{
    return json_object_get(evidence->legs[leg].logs, observer);
}

json_t *cf_evidence_harness(const struct cf_evidence *evidence, enum cf_leg leg, const char *event,
                            const char *key, const char *value)
{
    size_t index;
    json_t *record;
    json_array_foreach (cf_evidence_log(evidence, leg, "harness"), index, record) {
        const char *is = json_string_value(json_object_get(record, "event"));
        const char *has = key == NULL ? NULL : json_string_value(json_object_get(record, key));
        if (is != NULL && strcmp(is, event) == 0 &&
            (key == NULL || (has != NULL && strcmp(has, value) == 0)))
            return record;
    }
    return NULL;
}
