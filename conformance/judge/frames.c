/* frames.c - the capture, decoded as far as a frame must be attributed to a row. */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/evidence.h"

enum { ETHERNET = 14, NO_PROTOCOL = 255 };

static unsigned read16(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void decode_ports(struct cf_frame *frame, size_t offset)
{
    bool has_ports = frame->protocol == 6 || frame->protocol == 17 || frame->protocol == 132 ||
                     frame->protocol == 136 || frame->protocol == 33;
    if (!has_ports || frame->length < offset + 4)
        return;
    frame->source_port = (uint16_t)read16(frame->bytes + offset);
    frame->target_port = (uint16_t)read16(frame->bytes + offset + 2);
}

static void decode_ip4(struct cf_frame *frame, size_t offset)
{
    const unsigned char *ip = frame->bytes + offset;
    if (frame->length < offset + 20)
        return;
    inet_ntop(AF_INET, ip + 12, frame->source, sizeof frame->source);
    inet_ntop(AF_INET, ip + 16, frame->target, sizeof frame->target);
    frame->protocol = ip[9];
    if ((read16(ip + 6) & 0x1fff) == 0) /* only a first fragment has ports (RFC 791) */
        decode_ports(frame, offset + (size_t)(ip[0] & 15) * 4);
}

static void decode_ip6(struct cf_frame *frame, size_t offset)
{
    const unsigned char *ip = frame->bytes + offset;
    if (frame->length < offset + 40)
        return;
    inet_ntop(AF_INET6, ip + 8, frame->source, sizeof frame->source);
    inet_ntop(AF_INET6, ip + 24, frame->target, sizeof frame->target);
    frame->protocol = ip[6];
    decode_ports(frame, offset + 40);
}

/* A question for a neighbour is about the address it asks for, and goes to everybody (RFC 826,
 * RFC 4861 §4.3). */
static void decode_arp(struct cf_frame *frame, size_t offset)
{
    if (frame->length < offset + 28)
        return;
    inet_ntop(AF_INET, frame->bytes + offset + 14, frame->source, sizeof frame->source);
    inet_ntop(AF_INET, frame->bytes + offset + 24, frame->target, sizeof frame->target);
}

static void decode_solicitation(struct cf_frame *frame, size_t offset)
{
    const unsigned char *message = frame->bytes + offset;
    if (frame->protocol == 58 && frame->length >= offset + 24 && message[0] == 135)
        inet_ntop(AF_INET6, message + 8, frame->target, sizeof frame->target);
}

static void decode(struct cf_frame *frame)
{
    frame->protocol = NO_PROTOCOL;
    if (frame->length < ETHERNET)
        return;
    frame->ethertype = (uint16_t)read16(frame->bytes + 12);
    if (frame->ethertype == 0x0800)
        decode_ip4(frame, ETHERNET);
    else if (frame->ethertype == 0x0806)
        decode_arp(frame, ETHERNET);
    else if (frame->ethertype == 0x86dd) {
        decode_ip6(frame, ETHERNET);
        decode_solicitation(frame, ETHERNET + 40);
    }
}

/* The address that the packet quoted by an ICMP error went to; "" for anything else. A heartbeat to
 * an observer that died comes back as such an error. RFC 792, RFC 4443. */
static void quoted_target(const struct cf_frame *frame, char text[64])
{
    size_t ip4 = ETHERNET + 20, ip6 = ETHERNET + 40;
    text[0] = '\0';
    if (frame->ethertype == 0x0800 && frame->protocol == 1 && frame->length >= ip4 + 8 + 20 &&
        (frame->bytes[ip4] == 3 || frame->bytes[ip4] == 11))
        inet_ntop(AF_INET, frame->bytes + ip4 + 8 + 16, text, 64);
    if (frame->ethertype == 0x86dd && frame->protocol == 58 && frame->length >= ip6 + 8 + 40 &&
        frame->bytes[ip6] < 128)
        inet_ntop(AF_INET6, frame->bytes + ip6 + 8 + 24, text, 64);
}

/* The harness picks each heartbeat's address at random and tells it in its own log. Only roads that
 * lead over the link excuse a frame on it. */
static bool is_over_link(const json_t *record)
{
    static const char *const roads[] = {"tcp4", "tcp6", "udp4",  "udp6",
                                        "dns4", "dns6", "icmp4", "icmp6"};
    const char *event = json_string_value(json_object_get(record, "event"));
    const char *road = json_string_value(json_object_get(record, "road"));
    bool over_link = false;
    for (size_t i = 0; road != NULL && i < sizeof roads / sizeof roads[0]; i++)
        over_link = over_link || strcmp(road, roads[i]) == 0;
    return over_link && event != NULL && strcmp(event, "heartbeat") == 0;
}

/* A leg has thousands of frames and of records: what most of them are not comes first. */
static bool is_heartbeat(const struct cf_frame *frame, const json_t *harness)
{
    size_t index;
    json_t *record;
    char quoted[64];
    quoted_target(frame, quoted);
    json_array_foreach ((json_t *)harness, index, record) {
        const char *address = json_string_value(json_object_get(record, "address"));
        if (address == NULL || address[0] == '\0')
            continue;
        if ((strcmp(address, frame->source) == 0 || strcmp(address, frame->target) == 0 ||
             strcmp(address, quoted) == 0) &&
            is_over_link(record))
            return true;
    }
    return false;
}

static int add_frame(struct cf_leg_evidence *leg, const unsigned char *bytes, size_t length)
{
    if ((leg->frame_count & (leg->frame_count + 1)) == 0) { /* 0, 1, 3, 7 …: double the room */
        struct cf_frame *grown =
            realloc(leg->frames, (leg->frame_count + 1) * 2 * sizeof *leg->frames);
        if (grown == NULL)
            return -1;
        leg->frames = grown;
    }
    struct cf_frame *frame = &leg->frames[leg->frame_count];
    memset(frame, 0, sizeof *frame);
    frame->bytes = malloc(length + 1);
    if (frame->bytes == NULL)
        return -1;
    memcpy(frame->bytes, bytes, length);
    frame->length = length;
    frame->number = (unsigned)++leg->frame_count;
    decode(frame);
    frame->harness = is_heartbeat(frame, json_object_get(leg->logs, "harness"));
    return 0;
}

int cf_frames_load(struct cf_leg_evidence *leg, const char *path, struct cf_error *err)
{
    char reason[PCAP_ERRBUF_SIZE];
    pcap_t *capture = pcap_open_offline(path, reason);
    if (capture == NULL)
        return cf_fail(err, CF_E_BUNDLE, 0, "the capture cannot be read: %s", reason);
    struct pcap_pkthdr *header;
    const unsigned char *bytes;
    int result = 0, failed = 0;
    if (pcap_datalink(capture) != DLT_EN10MB)
        failed = cf_fail(err, CF_E_BUNDLE, 0, "the capture has an unexpected link type");
    while (failed == 0 && (result = pcap_next_ex(capture, &header, &bytes)) == 1)
        if (header->caplen != header->len || add_frame(leg, bytes, header->caplen) != 0)
            failed = cf_fail(err, CF_E_BUNDLE, 0, "the capture has a cut frame");
    if (failed == 0 && result == PCAP_ERROR)
        failed = cf_fail(err, CF_E_BUNDLE, 0, "the capture is damaged: %s", pcap_geterr(capture));
    pcap_close(capture);
    return failed;
}
