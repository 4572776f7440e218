/*
 * explain_packets.c - the frames of a row, one line each.
 *
 * A frame belongs to the row when the judge cites it, when one of its addresses is the row's
 * destination, or when it holds a nonce of the row. Numbers count the capture's frames from 1.
 * Captures carry wall-clock time, the logs do not, so the time here is UTC.
 */
#include <pcap/pcap.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "report/dissect.h"
#include "report/explain_private.h"
#include "report/rundir.h"
#include "report/scope.h"
#include "report/shown.h"

enum { PAYLOAD_MAX = 48 };

static bool holds(const struct cf_needle *needle, const u_char *frame, size_t length)
{
    return needle != NULL && cf_needle_in(needle, frame, length);
}

static bool belongs(const struct cf_explanation *explanation, const u_char *frame, size_t length,
                    const struct cf_dissection *parts)
{
    const char *address = cf_shown_text(explanation->plan, "addr");
    if (address[0] != '\0' &&
        (strcmp(parts->source, address) == 0 || strcmp(parts->target, address) == 0))
        return true;
    return holds(explanation->control, frame, length) || holds(explanation->attempt, frame, length);
}

static bool is_cited(const struct cf_explanation *explanation, const char *path, json_int_t number)
{
    size_t i;
    const json_t *leg;
    json_array_foreach (json_object_get(explanation->row, "legs"), i, leg)
        if (cf_explain_is_cited(json_object_get(leg, "evidence"), path, number))
            return true;
    return cf_explain_is_cited(json_object_get(explanation->row, "violations"), path, number);
}

static void put_time(FILE *out, size_t number, const struct pcap_pkthdr *header)
{
    struct tm parts;
    char text[16];
    time_t seconds = header->ts.tv_sec;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(text, sizeof text, "%H:%M:%S", &parts) == 0)
        snprintf(text, sizeof text, "??:??:??");
    fprintf(out, "  #%-5zu %s.%06ldZ  ", number, text, (long)header->ts.tv_usec);
}

static void put_end(FILE *out, const char *address, int port)
{
    fputs(address, out);
    if (port >= 0)
        fprintf(out, strchr(address, ':') == NULL ? ":%d" : " port %d", port);
}

static void put_packet(FILE *out, size_t number, const struct pcap_pkthdr *header,
                       const struct cf_dissection *parts)
{
    size_t kept = parts->payload_length < PAYLOAD_MAX ? parts->payload_length : PAYLOAD_MAX;
    CF_AUTOFREE char *payload = cf_escape(parts->payload, kept);
    put_time(out, number, header);
    put_end(out, parts->source, parts->source_port);
    fputs(" → ", out);
    put_end(out, parts->target, parts->target_port);
    fprintf(out, "  %s  %u bytes", parts->protocol, (unsigned)header->len);
    if (kept > 0)
        fprintf(out, "  \"%s\"%s", payload == NULL ? "" : payload,
                kept < parts->payload_length ? "…" : "");
    fputc('\n', out);
}

static void put_packets(const struct cf_explanation *explanation, const char *path, pcap_t *capture)
{
    struct pcap_pkthdr *header;
    const u_char *frame;
    size_t shown = 0, all = 0;
    int got;
    while ((got = pcap_next_ex(capture, &header, &frame)) == 1) {
        struct cf_dissection parts;
        all++;
        cf_dissect(frame, header->caplen, &parts);
        if (!belongs(explanation, frame, header->caplen, &parts) &&
            !is_cited(explanation, path, (json_int_t)all))
            continue;
        if (++shown <= CF_EXPLAIN_PACKETS_MAX)
            put_packet(explanation->out, all, header, &parts);
    }
    if (shown > CF_EXPLAIN_PACKETS_MAX)
        fprintf(explanation->out, "  … %zu more\n", shown - CF_EXPLAIN_PACKETS_MAX);
    fprintf(explanation->out, "  %zu of %zu frames are the row's\n", shown, all);
    if (got == PCAP_ERROR) {
        fputs("  the rest cannot be read: ", explanation->out);
        cf_explain_put(explanation, pcap_geterr(capture));
        fputc('\n', explanation->out);
    }
}

static void put_capture(const struct cf_explanation *explanation, const char *path)
{
    char text[PCAP_ERRBUF_SIZE] = "cannot be opened";
    FILE *stream = cf_rundir_read(explanation->dir, path);
    pcap_t *capture = stream == NULL ? NULL : pcap_fopen_offline(stream, text);
    fputs("\npackets (", explanation->out);
    cf_explain_put(explanation, path);
    fputs(")\n", explanation->out);
    if (capture != NULL && pcap_datalink(capture) == DLT_EN10MB) {
        put_packets(explanation, path, capture);
    } else {
        fputs("  left out: ", explanation->out);
        cf_explain_put(explanation, capture == NULL ? text : "not Ethernet");
        fputc('\n', explanation->out);
    }
    if (capture != NULL)
        pcap_close(capture); /* and its stream */
    else if (stream != NULL)
        fclose(stream);
}

void cf_explain_packets(const struct cf_explanation *explanation)
{
    json_auto_t *files = cf_rundir_files(explanation->dir, explanation->launch, ".pcap");
    size_t i;
    const json_t *file;
    json_array_foreach (files, i, file)
        put_capture(explanation, cf_shown_text(file, "file"));
    if (json_array_size(files) == 0)
        fputs("\npackets\n  no capture of this launch\n", explanation->out);
}
