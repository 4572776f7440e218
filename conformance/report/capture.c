/*
 * capture.c - capture.pcap: every lab's capture in one file, by time, with nanoseconds.
 *
 * A capture that another link type, damage or sheer size keeps out is named in the notes; the
 * packets before a damaged place are kept.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/logs.h"
#include "report/output.h"
#include "report/rundir.h"

#define TOTAL_MAX ((uint64_t)256 << 20) /* bytes of packets held in memory */

enum { SNAPLEN = 262144 };

struct packet {
    struct pcap_pkthdr header; /* nanoseconds in tv_usec */
    size_t order;
    unsigned char *bytes;
};

struct merge {
    struct packet *packets;
    size_t count;
    uint64_t total;
    int link; /* of the first capture; -1 before there is one */
};

static void release(struct merge *merge)
{
    for (size_t i = 0; i < merge->count; i++)
        free(merge->packets[i].bytes);
    free(merge->packets);
}

/* Copies one packet; returns why it cannot be kept, or NULL. */
static const char *keep(struct merge *merge, const struct pcap_pkthdr *header, const u_char *bytes)
{
    if (merge->total + header->caplen > TOTAL_MAX)
        return "the rest does not fit: more than 256 MiB of packets";
    if ((merge->count & (merge->count + 1)) == 0) { /* room doubles at 2^n - 1 packets */
        struct packet *grown =
            realloc(merge->packets, 2 * (merge->count + 1) * sizeof *merge->packets);
        if (grown == NULL)
            return strerror(ENOMEM);
        merge->packets = grown;
    }
    unsigned char *copy = malloc(header->caplen + 1u);
    if (copy == NULL)
        return strerror(ENOMEM);
    memcpy(copy, bytes, header->caplen);
    merge->packets[merge->count] = (struct packet){*header, merge->count, copy};
    merge->count++;
    merge->total += header->caplen;
    return NULL;
}

static const char *read_packets(struct merge *merge, pcap_t *capture)
{
    if (merge->link < 0)
        merge->link = pcap_datalink(capture);
    if (pcap_datalink(capture) != merge->link)
        return "another link type than the first capture";
    struct pcap_pkthdr *header;
    const u_char *bytes;
    const char *why = NULL;
    int got = 0;
    while (why == NULL && (got = pcap_next_ex(capture, &header, &bytes)) == 1)
        why = keep(merge, header, bytes);
    return why != NULL ? why : got == PCAP_ERROR ? pcap_geterr(capture) : NULL;
}

static void read_capture(struct merge *merge, int dir, const char *path, json_t *notes)
{
    char text[PCAP_ERRBUF_SIZE];
    FILE *stream = cf_rundir_read(dir, path);
    if (stream == NULL) {
        cf_logs_note(notes, path, 0, strerror(errno));
        return;
    }
    pcap_t *capture =
        pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, text);
    if (capture == NULL) {
        fclose(stream); /* only a capture that was opened owns its stream */
        cf_logs_note(notes, path, 0, text);
        return;
    }
    const char *why = read_packets(merge, capture);
    if (why != NULL)
        cf_logs_note(notes, path, 0, why);
    pcap_close(capture);
}

static int by_time(const void *left, const void *right)
{
    const struct packet *a = left, *b = right;
    if (a->header.ts.tv_sec != b->header.ts.tv_sec)
        return a->header.ts.tv_sec < b->header.ts.tv_sec ? -1 : 1;
    if (a->header.ts.tv_usec != b->header.ts.tv_usec)
        return a->header.ts.tv_usec < b->header.ts.tv_usec ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Writes the packets to OUT's stream, which it closes. */
static int dump(const struct merge *merge, struct cf_rundir_output *out, struct cf_error *err)
{
    pcap_t *dead =
        pcap_open_dead_with_tstamp_precision(merge->link, SNAPLEN, PCAP_TSTAMP_PRECISION_NANO);
    FILE *stream = out->file;
    pcap_dumper_t *dumper = NULL;
    int result = -1;
    if (dead != NULL) {
        out->file = NULL; /* a failing pcap_dump_fopen() may or may not have closed the stream */
        dumper = pcap_dump_fopen(dead, stream);
    }
    if (dumper != NULL) {
        for (size_t i = 0; i < merge->count; i++)
            pcap_dump((u_char *)dumper, &merge->packets[i].header, merge->packets[i].bytes);
        result = pcap_dump_flush(dumper);
        if (ferror(pcap_dump_file(dumper)))
            result = -1;
        pcap_dump_close(dumper);
    }
    if (dead != NULL)
        pcap_close(dead);
    return result == 0 ? 0 : cf_fail(err, CF_E_SYSTEM, errno, "capture.pcap: cannot be written");
}

static int write_merged(int dir, const struct merge *merge, struct cf_error *err)
{
    struct cf_rundir_output out;
    int code = cf_rundir_create(dir, "capture.pcap", &out, err);
    if (code != 0)
        return code;
    code = dump(merge, &out, err);
    if (code == 0)
        return cf_rundir_commit(&out, err);
    cf_rundir_discard(&out);
    return code;
}

int cf_output_capture(int dir, json_t *notes, struct cf_error *err)
{
    json_auto_t *files = cf_rundir_files(dir, NULL, ".pcap");
    if (files == NULL)
        return cf_fail(err, CF_E_SYSTEM, errno, "launches: the captures cannot be listed");
    struct merge merge = {.link = -1};
    size_t i;
    const json_t *file;
    json_array_foreach (files, i, file)
        read_capture(&merge, dir, json_string_value(json_object_get(file, "file")), notes);
    if (merge.count > 0)
        qsort(merge.packets, merge.count, sizeof *merge.packets, by_time);
    int code = merge.link < 0 ? 0 : write_merged(dir, &merge, err);
    release(&merge);
    return code;
}
