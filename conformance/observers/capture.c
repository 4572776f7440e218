/* capture.c - packet capture: the second witness of every deny row. */
#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "observers/observer.h"

/* The lab's links carry no segment longer than their MTU; a frame cut all the same is evidence
 * lost, and the judge says so. The ring's slots are as large as the longest frame and stand in
 * pages of their own: with what the kernel adds, two of these fit one, and the ring has some
 * 16,000. */
enum { SNAPLEN = 1920, RING_BYTES = 32 << 20 };

struct capture {
    struct cf_observer *io;
    pcap_t *pcap;
    pcap_dumper_t *file;
    unsigned long frames;
    bool broken;
};

static int pcap_trouble(struct cf_error *err, const char *interface, const char *text)
{
    return cf_fail(err, CF_E_SYSTEM, 0, "capture on %s: %s", interface, text);
}

static int open_interface(struct capture *capture, const char *interface, struct cf_error *err)
{
    char text[PCAP_ERRBUF_SIZE] = "";
    capture->pcap = pcap_create(interface, text);
    if (capture->pcap == NULL)
        return pcap_trouble(err, interface, text);
    /* Immediate: a frame is in the file before whoever sent it has an answer to act on. */
    pcap_set_snaplen(capture->pcap, SNAPLEN);
    pcap_set_promisc(capture->pcap, 1);
    pcap_set_immediate_mode(capture->pcap, 1);
    pcap_set_buffer_size(capture->pcap, RING_BYTES);
    if (pcap_activate(capture->pcap) < 0 || pcap_setnonblock(capture->pcap, 1, text) < 0)
        return pcap_trouble(err, interface, pcap_geterr(capture->pcap));
    return 0;
}

static int open_file(struct capture *capture, int fd, const char *interface, struct cf_error *err)
{
    FILE *stream = fdopen(fd, "ab");
    if (stream == NULL) {
        int saved = errno;
        close(fd);
        return cf_fail(err, CF_E_SYSTEM, saved, "capture on %s: its file", interface);
    }
    capture->file = pcap_dump_fopen(capture->pcap, stream);
    if (capture->file == NULL) {
        fclose(stream);
        return pcap_trouble(err, interface, pcap_geterr(capture->pcap));
    }
    pcap_dump_flush(capture->file); /* the file header */
    return 0;
}

static void store(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    struct capture *capture = (struct capture *)user;
    pcap_dump((u_char *)capture->file, header, bytes);
    if (pcap_dump_flush(capture->file) != 0)
        capture->broken = true;
    capture->frames++;
}

/* Everything that is in the ring; one tick for the lot. */
static int drain(struct capture *capture)
{
    int got = pcap_dispatch(capture->pcap, -1, store, (u_char *)capture);
    if (got > 0)
        cf_observer_tick(capture->io);
    return got;
}

static int watch(struct capture *capture)
{
    struct pollfd wait[2] = {{.fd = pcap_get_selectable_fd(capture->pcap), .events = POLLIN},
                             {.fd = capture->io->stop_fd, .events = POLLIN}};
    while (wait[1].revents == 0) {
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            return -1;
        if (drain(capture) < 0)
            return -1;
    }
    int got;
    do
        got = drain(capture);
    while (got > 0);
    return got;
}

static int finish(struct capture *capture, const char *interface, struct cf_error *err)
{
    struct pcap_stat stats = {0};
    if (pcap_stats(capture->pcap, &stats) != 0)
        return pcap_trouble(err, interface, pcap_geterr(capture->pcap));
    if (capture->broken)
        return pcap_trouble(err, interface, "a frame could not be stored");
    cf_observer_emit(capture->io, "stats",
                     json_pack("{sIsIsI}", "frames", (json_int_t)capture->frames, "drops",
                               (json_int_t)stats.ps_drop, "ifdrops", (json_int_t)stats.ps_ifdrop));
    return cf_observer_close(capture->io, err);
}

int cf_capture_run(struct cf_observer *io, int pcap_fd, const char *interface, struct cf_error *err)
{
    struct capture capture = {.io = io};
    int result = cf_observer_open(io, "capture", err);
    if (result == 0 && (result = open_interface(&capture, interface, err)) == 0)
        result = open_file(&capture, pcap_fd, interface, err);
    if (result != 0) {
        result = cf_observer_unready(io, err);
    } else {
        cf_observer_ready(io);
        int watched = watch(&capture);
        result = watched < 0 ? pcap_trouble(err, interface, pcap_geterr(capture.pcap))
                             : finish(&capture, interface, err);
    }
    if (capture.file != NULL)
        pcap_dump_close(capture.file);
    if (capture.pcap != NULL)
        pcap_close(capture.pcap);
    return result;
}
