#include "base/events.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"

struct cf_events {
    int fd;
    uint64_t next;
    char observer[64];
    bool broken;
    EVP_MD_CTX *hash;
};

uint64_t cf_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

json_t *cf_events_data(const void *data, size_t length, size_t max)
{
    char *text = cf_escape(data, length < max ? length : max);
    json_t *value = text == NULL ? NULL : json_string(text);
    free(text);
    return value;
}

static int write_line(struct cf_events *events, json_t *record)
{
    char *text = json_dumps(record, JSON_COMPACT);
    if (text == NULL)
        return -1;
    size_t length = strlen(text);
    text[length++] = '\n'; /* in place of the NUL */
    ssize_t written = write(events->fd, text, length);
    if (written == (ssize_t)length)
        EVP_DigestUpdate(events->hash, text, length);
    free(text);
    return written == (ssize_t)length ? 0 : -1;
}

int cf_events_emit(struct cf_events *events, const char *event, json_t *fields)
{
    json_t *record = json_pack("{sIsIssss}", "seq", (json_int_t)events->next, "t",
                               (json_int_t)cf_now(), "observer", events->observer, "event", event);
    if (record == NULL || (fields != NULL && json_object_update_missing(record, fields) != 0) ||
        events->broken || write_line(events, record) != 0)
        events->broken = true;
    else
        events->next++;
    json_decref(record);
    json_decref(fields);
    return events->broken ? -CF_E_SYSTEM : 0;
}

int cf_events_open(struct cf_events **out, int fd, const char *observer, struct cf_error *err)
{
    struct cf_events *events = calloc(1, sizeof *events);
    if (events != NULL)
        events->hash = EVP_MD_CTX_new();
    if (events == NULL || events->hash == NULL ||
        EVP_DigestInit_ex(events->hash, EVP_sha256(), NULL) != 1) {
        if (events != NULL)
            EVP_MD_CTX_free(events->hash);
        free(events);
        close(fd);
        return cf_fail(err, CF_E_SYSTEM, ENOMEM, "%s: event log", observer);
    }
    events->fd = fd;
    snprintf(events->observer, sizeof events->observer, "%s", observer);
    if (cf_events_emit(events, "open", NULL) != 0) {
        int saved = errno;
        cf_events_close(events);
        return cf_fail(err, CF_E_SYSTEM, saved, "%s: event log", observer);
    }
    *out = events;
    return 0;
}

int cf_events_close(struct cf_events *events)
{
    if (events == NULL)
        return 0;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(events->hash, digest, &size);
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";
    for (unsigned i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    /* write_line() feeds the hash again; it has been finalised, so start a throw-away one. */
    EVP_DigestInit_ex(events->hash, EVP_sha256(), NULL);
    json_t *fields = json_pack("{sIss}", "records", (json_int_t)events->next, "sha256", text);
    int result = cf_events_emit(events, "close", fields);
    close(events->fd);
    EVP_MD_CTX_free(events->hash);
    free(events);
    return result;
}
