#include "bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "judge/judge.h"
#include "result.h"

static void path_of(char path[1024], const struct bundle *bundle, const char *file)
{
    assert_true(snprintf(path, 1024, "%s/%s", bundle->dir, file) < 1024);
}

void bundle_make(struct bundle *bundle)
{
    const char *top = getenv("TMPDIR");
    snprintf(bundle->dir, sizeof bundle->dir, "%s/firma-bundle-XXXXXX", top == NULL ? "/tmp" : top);
    assert_non_null(mkdtemp(bundle->dir));
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

void bundle_remove(struct bundle *bundle)
{
    nftw(bundle->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void bundle_folder(const struct bundle *bundle, const char *file)
{
    char path[1024];
    path_of(path, bundle, file);
    for (char *slash = strchr(path + strlen(bundle->dir) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    mkdir(path, 0755);
    assert_int_equal(access(path, X_OK), 0);
}

static char *read_path(const char *path, size_t *length)
{
    struct stat status = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        fail_msg("%s cannot be read", path);
    char *text = malloc((size_t)status.st_size + 1);
    assert_non_null(text);
    assert_int_equal(read(fd, text, (size_t)status.st_size), status.st_size);
    text[status.st_size] = '\0';
    close(fd);
    if (length != NULL)
        *length = (size_t)status.st_size;
    return text;
}

char *bundle_read(const struct bundle *bundle, const char *file, size_t *length)
{
    char path[1024];
    path_of(path, bundle, file);
    return read_path(path, length);
}

void bundle_write(const struct bundle *bundle, const char *file, const void *data, size_t length)
{
    char path[1024];
    path_of(path, bundle, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        fail_msg("%s cannot be written", path);
    assert_int_equal(write(fd, data, length), length);
    close(fd);
}

void bundle_delete(const struct bundle *bundle, const char *file)
{
    char path[1024];
    path_of(path, bundle, file);
    assert_int_equal(unlink(path), 0);
}

json_t *bundle_json(const struct bundle *bundle, const char *file)
{
    char *text = bundle_read(bundle, file, NULL);
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    if (value == NULL)
        fail_msg("%s is not JSON", file);
    return value;
}

void bundle_write_json(const struct bundle *bundle, const char *file, json_t *steals)
{
    char *text = json_dumps(steals, JSON_INDENT(1));
    assert_non_null(text);
    bundle_write(bundle, file, text, strlen(text));
    free(text);
    json_decref(steals);
}

/* ---- copying: nftw() has no context, so the two roots travel by these ---- */

static __thread const char *copy_from;
static __thread const struct bundle *copy_to;

static int copy_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    const char *below = path + strlen(copy_from);
    if (at->level == 0)
        return 0;
    if (type == FTW_D)
        bundle_folder(copy_to, below + 1);
    if (type == FTW_F && S_ISREG(status->st_mode)) {
        size_t length;
        char *text = read_path(path, &length);
        bundle_write(copy_to, below + 1, text, length);
        free(text);
    }
    return 0;
}

void bundle_copy(struct bundle *bundle, const char *from)
{
    bundle_make(bundle);
    copy_from = from;
    copy_to = bundle;
    assert_int_equal(nftw(from, copy_entry, 8, FTW_PHYS), 0);
}

/* ---- logs ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

json_t *bundle_log(const struct bundle *bundle, const char *file)
{
    char *text = bundle_read(bundle, file, NULL), *rest = NULL;
    json_t *records = json_array();
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *record = json_loads(line, 0, NULL);
        assert_non_null(record);
        if (strcmp(text_of(record, "event"), "close") == 0)
            json_decref(record);
        else
            json_array_append_new(records, record);
    }
    free(text);
    return records;
}

static void append_line(char **text, size_t *length, const json_t *record)
{
    char *line = json_dumps(record, JSON_COMPACT);
    size_t more = strlen(line);
    *text = realloc(*text, *length + more + 2);
    assert_non_null(*text);
    memcpy(*text + *length, line, more);
    (*text)[*length + more] = '\n';
    *length += more + 1;
    free(line);
}

void bundle_write_log(const struct bundle *bundle, const char *file, json_t *records)
{
    char *text = NULL, digest[65];
    size_t length = 0, index;
    json_t *record;
    json_array_foreach (records, index, record) {
        json_object_set_new(record, "seq", json_integer((json_int_t)index));
        append_line(&text, &length, record);
    }
    assert_int_equal(cf_digest_bytes(text, length, digest), 0);
    json_t *close_record =
        json_pack("{sIsIsOsssIss}", "seq", (json_int_t)index, "t", (json_int_t)1, "observer",
                  json_object_get(json_array_get(records, 0), "observer"), "event", "close",
                  "records", (json_int_t)index, "sha256", digest);
    append_line(&text, &length, close_record);
    bundle_write(bundle, file, text, length);
    json_decref(close_record);
    json_decref(records);
    free(text);
}

json_t *bundle_record(json_t *records, const char *event, const char *key, const char *value,
                      size_t *index)
{
    size_t at;
    json_t *record;
    json_array_foreach (records, at, record) {
        if (strcmp(text_of(record, "event"), event) != 0 ||
            (key != NULL && strcmp(text_of(record, key), value) != 0))
            continue;
        if (index != NULL)
            *index = at;
        return record;
    }
    fail_msg("no record %s with %s %s", event, key == NULL ? "any" : key,
             key == NULL ? "value" : value);
    return NULL;
}

void bundle_add_record(json_t *records, const char *observer, const char *event, json_t *fields)
{
    json_t *record =
        json_pack("{sisIssss}", "seq", 0, "t", (json_int_t)1, "observer", observer, "event", event);
    if (fields != NULL)
        json_object_update(record, fields);
    json_decref(fields);
    assert_int_equal(json_array_append_new(records, record), 0);
}

static void seal_leg(const struct bundle *bundle, const char *launch, const char *leg,
                     json_t *files)
{
    static const char *const names[] = {"canary.jsonl",    "capture.jsonl",   "honeypots.jsonl",
                                        "harness.jsonl",   "lab.jsonl",       "capture.pcap",
                                        "sidecar-0.jsonl", "sidecar-1.jsonl", "sidecar-2.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[128], path[1024], digest[65];
        size_t size;
        snprintf(name, sizeof name, "%s/%s", leg, names[i]);
        assert_true(snprintf(path, sizeof path, "%s/launches/%s/%s", bundle->dir, launch, name) <
                    (int)sizeof path);
        if (cf_digest_file(AT_FDCWD, path, digest, &size, NULL) == 0)
            json_object_set_new(files, name,
                                json_pack("{sssI}", "sha256", digest, "bytes", (json_int_t)size));
        else
            json_object_del(files, name);
    }
}

void bundle_seal(const struct bundle *bundle, const char *launch)
{
    char file[256], path[1024], digest[65];
    snprintf(file, sizeof file, "launches/%s/launch.json", launch);
    json_t *json = bundle_json(bundle, file), *files = json_object_get(json, "files");
    if (files == NULL) {
        files = json_object();
        json_object_set_new(json, "files", files);
    }
    seal_leg(bundle, launch, "control", files);
    seal_leg(bundle, launch, "subject", files);
    bundle_write_json(bundle, file, json);

    path_of(path, bundle, file);
    assert_int_equal(cf_digest_file(AT_FDCWD, path, digest, NULL, NULL), 0);
    json_t *run = bundle_json(bundle, "run.json");
    json_object_set_new(json_object_get(run, "launches"), launch, json_string(digest));
    bundle_write_json(bundle, "run.json", run);
}

/* ---- captures ---- */

static void put32(FILE *out, uint32_t value)
{
    assert_int_equal(fwrite(&value, sizeof value, 1, out), 1);
}

/* The classic format, written by hand in the machine's own byte order (pcap-savefile(5)). */
void bundle_add_frame(const struct bundle *bundle, const char *file, const void *bytes,
                      size_t length)
{
    char path[1024];
    path_of(path, bundle, file);
    FILE *out = fopen(path, "ab");
    assert_non_null(out);
    if (ftell(out) == 0) {
        put32(out, 0xa1b2c3d4);
        put32(out, 2 | 4 << 16);
        put32(out, 0);
        put32(out, 0);
        put32(out, 65535);
        put32(out, DLT_EN10MB);
    }
    if (bytes != NULL) {
        put32(out, 1);
        put32(out, 0);
        put32(out, (uint32_t)length);
        put32(out, (uint32_t)length);
        assert_int_equal(fwrite(bytes, 1, length, out), length);
    }
    assert_int_equal(fclose(out), 0);
}

size_t bundle_frame4(unsigned char *out, const char *source, const char *target, int protocol,
                     unsigned source_port, unsigned target_port, const char *payload)
{
    size_t head = protocol == 6 ? 20 : 8, data = strlen(payload);
    memset(out, 0, 14 + 20 + head);
    memcpy(out, "\2\0\0\0\0\1\2\0\0\0\0\1\x08", 13);
    unsigned char *ip = out + 14, *transport = ip + 20;
    ip[0] = 0x45;
    ip[3] = (unsigned char)(20 + head + data);
    ip[8] = 64;
    ip[9] = (unsigned char)protocol;
    assert_int_equal(inet_pton(AF_INET, source, ip + 12), 1);
    assert_int_equal(inet_pton(AF_INET, target, ip + 16), 1);
    transport[0] = (unsigned char)(source_port >> 8);
    transport[1] = (unsigned char)source_port;
    transport[2] = (unsigned char)(target_port >> 8);
    transport[3] = (unsigned char)target_port;
    if (protocol == 6)
        transport[13] = 2; /* SYN */
    memcpy(transport + head, payload, data);
    return 14 + 20 + head + data;
}

/* ---- judging ---- */

json_t *bundle_judge(const struct bundle *bundle)
{
    struct cf_error err = {0};
    json_t *record = bundle_json(bundle, "run.json");
    json_t *result = cf_result_judge(bundle->dir, record, &err);
    json_decref(record);
    if (result == NULL)
        fail_msg("%s", err.text);
    return result;
}

json_t *bundle_row(const json_t *result, const char *id)
{
    size_t index;
    json_t *row;
    json_array_foreach (json_object_get(result, "rows"), index, row) {
        if (strcmp(text_of(row, "id"), id) == 0)
            return row;
    }
    fail_msg("%s was not judged", id);
    return NULL;
}

static int says(const json_t *list, const char *key, const char *word, int only_missing)
{
    size_t index;
    json_t *item;
    json_array_foreach ((json_t *)list, index, item) {
        if (only_missing && json_is_true(json_object_get(item, "ok")))
            continue;
        if (strstr(text_of(item, key), word) != NULL)
            return 1;
    }
    return 0;
}

int bundle_is(const struct bundle *bundle, const char *id, const char *verdict, const char *word,
              char *why, size_t size)
{
    json_t *result = bundle_judge(bundle), *row = bundle_row(result, id);
    const char *is = text_of(row, "verdict");
    int said = strstr(text_of(row, "reason"), word) != NULL ||
               says(json_object_get(row, "legs"), "detail", word, 1) ||
               says(json_object_get(row, "violations"), "what", word, 0);
    int right = strcmp(is, verdict) == 0 && said;
    snprintf(why, size, "%s is %s (%s), should be %s because of \"%s\"", id, is,
             text_of(row, "reason"), verdict, word);
    json_decref(result);
    return right;
}

void bundle_expect(const struct bundle *bundle, const char *id, const char *verdict,
                   const char *word)
{
    char why[1024];
    if (!bundle_is(bundle, id, verdict, word, why, sizeof why))
        fail_msg("%s", why);
}
