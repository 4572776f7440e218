/*
 * heartbeat_linux.c - proves that the observers hear: something is sent along every road a leak
 * could take, and looked for in what the observers have stored.
 *
 * The evidence files are opened anew and read from where they ended before; observers add to an
 * eventfd after every record, so nothing is looked at twice in vain and nothing sleeps.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/roads_linux.h"

enum { PATIENCE_MS = 8000, CHUNK = 65536 };

/* One evidence file: how far it has been read, and the tail that a nonce might straddle. */
struct witness {
    const char *file;
    int fd;
    off_t offset;
    size_t carried;
    unsigned char *buffer;
};

static const char *const FILES[CF_WITNESSES] = {"canary.jsonl", "capture.pcap", "honeypots.jsonl"};

static int open_witnesses(const struct cf_lab *lab, struct witness witnesses[CF_WITNESSES],
                          struct cf_error *err)
{
    for (int i = 0; i < CF_WITNESSES; i++) {
        struct stat state;
        struct witness *witness = &witnesses[i];
        witness->file = FILES[i];
        witness->fd = openat(lab->entry->config->evidence_fd, FILES[i], O_RDONLY | O_CLOEXEC);
        witness->buffer = malloc(CHUNK + CF_NONCE_TEXT);
        if (witness->fd < 0 || witness->buffer == NULL || fstat(witness->fd, &state) != 0)
            return cf_fail(err, CF_E_SYSTEM, errno, "heartbeat: %s", FILES[i]);
        witness->offset = state.st_size;
    }
    return 0;
}

static void close_witnesses(struct witness witnesses[CF_WITNESSES])
{
    for (int i = 0; i < CF_WITNESSES; i++) {
        if (witnesses[i].fd >= 0)
            close(witnesses[i].fd);
        free(witnesses[i].buffer);
    }
}

static void mark(struct cf_heartbeat *beats, size_t count, unsigned bit, const unsigned char *data,
                 size_t length)
{
    for (size_t i = 0; i < count; i++)
        if ((beats[i].wanted & ~beats[i].seen & bit) != 0 &&
            memmem(data, length, beats[i].nonce, CF_NONCE_TEXT - 1) != NULL)
            beats[i].seen |= bit;
}

static void read_witness(struct witness *witness, struct cf_heartbeat *beats, size_t count,
                         unsigned bit)
{
    ssize_t got;
    while (witness->buffer != NULL && (got = pread(witness->fd, witness->buffer + witness->carried,
                                                   CHUNK, witness->offset)) > 0) {
        size_t length = witness->carried + (size_t)got;
        witness->offset += got;
        mark(beats, count, bit, witness->buffer, length);
        witness->carried = length < CF_NONCE_TEXT - 2 ? length : CF_NONCE_TEXT - 2;
        memmove(witness->buffer, witness->buffer + length - witness->carried, witness->carried);
    }
}

static bool all_seen(const struct cf_heartbeat *beats, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (beats[i].seen != beats[i].wanted)
            return false;
    return true;
}

/* Empties the tick counter before the files are read, so that no record falls between both. */
static void await(const struct cf_lab *lab, struct witness *witnesses, struct cf_heartbeat *beats,
                  size_t count)
{
    uint64_t deadline = cf_now() + PATIENCE_MS * 1000000ull, ticks, now;
    for (;;) {
        if (read(lab->tick, &ticks, sizeof ticks) < 0)
            errno = 0; /* none: a non-blocking descriptor */
        for (int i = 0; i < CF_WITNESSES; i++)
            read_witness(&witnesses[i], beats, count, 1u << i);
        if (all_seen(beats, count) || (now = cf_now()) >= deadline)
            return;
        if (cf_lab_wait_fd(lab->tick, (int)((deadline - now) / 1000000 + 1)) < 0)
            return;
    }
}

static json_t *witness_list(unsigned set)
{
    json_t *list = json_array();
    for (int i = 0; i < CF_WITNESSES; i++)
        if ((set >> i & 1) != 0)
            json_array_append_new(list, json_string(FILES[i]));
    return list;
}

static void report(struct cf_lab *lab, const char *label, const struct cf_heartbeat *beat)
{
    json_t *fields = json_pack("{sssssssssisbsoso}", "label", label, "road", beat->road, "nonce",
                               beat->nonce, "address", beat->address, "port", (int)beat->port,
                               "seen", beat->fd >= 0 && beat->seen == beat->wanted, "wanted",
                               witness_list(beat->wanted), "stored", witness_list(beat->seen));
    if (beat->errnum != 0)
        json_object_set_new(fields, "errno", json_string(strerror(beat->errnum)));
    cf_events_emit(lab->harness, "heartbeat", fields);
}

int cf_lab_heartbeat(struct cf_lab *lab, const char *label, struct cf_error *err)
{
    struct cf_heartbeat beats[CF_ROADS_MAX];
    struct witness witnesses[CF_WITNESSES] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
    size_t count = 0;
    if (!lab->entry->config->observe)
        return cf_fail(err, CF_E_USAGE, 0, "a heartbeat needs observers");
    int result = open_witnesses(lab, witnesses, err);
    if (result == 0)
        result = cf_roads_plan(lab, beats, &count, err);
    if (result == 0) {
        for (size_t i = 0; i < count; i++)
            cf_roads_send(&beats[i]);
        await(lab, witnesses, beats, count);
        for (size_t i = 0; i < count; i++) {
            report(lab, label, &beats[i]);
            if (beats[i].fd >= 0)
                close(beats[i].fd);
        }
    }
    close_witnesses(witnesses);
    return result;
}
