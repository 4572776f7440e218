/*
 * The host's end of a machine's channel against a guest that says anything at any time.
 *
 * The input is a script: what the guest writes (raw bytes, or one frame in short), what the
 * caller's side and the services behind the roads do meanwhile, and when the host looks. Whatever
 * comes: what the host says is well formed, it never sends more than it was granted, and it opens
 * no more than it may.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/vm/channel/mux.h"

enum { DESCRIPTORS = FIRMA_STREAM_CONNECTIONS, STEPS = 2000 };

struct scene {
    struct firma_mux *mux;
    int channel[2];                    /* the host's end, the guest's */
    int in[2], out[2];                 /* what the caller holds of stdin and stdout */
    int far[DESCRIPTORS];              /* the services' ends of dialled connections */
    unsigned dialled;                  /* so far */
    uint8_t said[2 * FIRMA_FRAME_MAX]; /* by the host, not yet a whole frame */
    size_t said_used;
    uint64_t granted, sent; /* of stdin */
    uint64_t taken, given;  /* of stdout: written by the guest, granted beyond the first window */
    bool deaf;              /* the guest does not read */
};

static bool take_word(void *context, uint32_t word, int32_t value)
{
    (void)context;
    (void)value;
    return word <= FIRMA_WORD_ENDED;
}

static bool take_text(void *context, const uint8_t *bytes, size_t length)
{
    (void)context;
    FUZZ_MUST(bytes != NULL && length <= FIRMA_FRAME_TEXT_MAX);
    return true;
}

static bool take_datagram(void *context, uint16_t flow, const uint8_t *bytes, size_t length)
{
    (void)context;
    (void)bytes;
    FUZZ_MUST(flow < FIRMA_FLOW_COUNT && length <= FIRMA_FRAME_PAYLOAD);
    return true;
}

static void open_pair(int pair[2])
{
    FUZZ_MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
}

/* Every seventh connection cannot be dialled. */
static int dial(void *context, uint8_t service)
{
    struct scene *scene = context;
    int pair[2];
    FUZZ_MUST(service == FIRMA_SERVICE_PROXY || service == FIRMA_SERVICE_DNS);
    if (++scene->dialled % 7 == 0)
        return -1;
    int *place = &scene->far[scene->dialled % DESCRIPTORS];
    if (*place >= 0)
        close(*place);
    open_pair(pair);
    *place = pair[1];
    return pair[0];
}

static void set_up(struct scene *scene)
{
    const struct firma_mux_events events = {.context = scene,
                                            .word = take_word,
                                            .text = take_text,
                                            .datagram = take_datagram,
                                            .opened = dial};
    struct firma_error err;
    for (size_t i = 0; i < DESCRIPTORS; i++)
        scene->far[i] = -1;
    open_pair(scene->channel);
    open_pair(scene->in);
    open_pair(scene->out);
    FUZZ_MUST(firma_mux_open(&scene->mux, scene->channel[0], &events, &err) == 0);
    firma_mux_attach(scene->mux, FIRMA_STREAM_STDIN, scene->in[0], -1, FIRMA_MUX_SHARED);
    firma_mux_attach(scene->mux, FIRMA_STREAM_STDOUT, -1, scene->out[0], FIRMA_MUX_SHARED);
    firma_mux_attach(scene->mux, FIRMA_STREAM_STDERR, -1, -1, 0);
    scene->granted = FIRMA_STREAM_WINDOW;
}

static void tear_down(struct scene *scene)
{
    firma_mux_close(scene->mux);
    for (size_t i = 0; i < DESCRIPTORS; i++)
        if (scene->far[i] >= 0)
            close(scene->far[i]);
    close(scene->channel[0]);
    close(scene->channel[1]);
    if (scene->in[1] >= 0)
        close(scene->in[1]);
    if (scene->out[1] >= 0)
        close(scene->out[1]);
}

/* What the host said, word for word. */
static void hear(struct scene *scene, const struct firma_frame *frame)
{
    FUZZ_MUST(frame->kind != FIRMA_FRAME_OPEN);
    if (frame->kind == FIRMA_FRAME_DATA && frame->stream == FIRMA_STREAM_STDIN) {
        scene->sent += frame->length;
        FUZZ_MUST(scene->sent <= scene->granted);
    }
    FUZZ_MUST(frame->kind != FIRMA_FRAME_DATA ||
              (frame->stream != FIRMA_STREAM_STDOUT && frame->stream != FIRMA_STREAM_STDERR));
    if (frame->kind == FIRMA_FRAME_CREDIT && frame->stream == FIRMA_STREAM_STDOUT) {
        scene->given += firma_get32(frame->bytes);
        FUZZ_MUST(scene->given <= scene->taken);
    }
}

static void drain(struct scene *scene)
{
    for (;;) {
        ssize_t got = read(scene->channel[1], scene->said + scene->said_used,
                           sizeof scene->said - scene->said_used);
        if (got <= 0)
            return;
        scene->said_used += (size_t)got;
        size_t used = 0;
        struct firma_frame frame;
        int length;
        while ((length = firma_frame_decode(scene->said + used, scene->said_used - used, &frame)) >
               0) {
            hear(scene, &frame);
            used += (size_t)length;
        }
        FUZZ_MUST(length == 0);
        memmove(scene->said, scene->said + used, scene->said_used - used);
        scene->said_used -= used;
    }
}

static int turn(struct scene *scene)
{
    struct firma_error err = {0};
    int result = firma_mux_turn(scene->mux, NULL, 0, 0, &err);
    FUZZ_MUST(result == 1 || result == 0 || (result == -FIRMA_E_SYSTEM && err.text[0] != '\0'));
    if (!scene->deaf)
        drain(scene);
    return result;
}

/* The guest's bytes; as long as the host takes them. Returns what the host's last turn did. */
static int feed(struct scene *scene, const uint8_t *bytes, size_t size)
{
    int result = 1;
    for (int i = 0; size > 0 && result == 1 && i < 64; i++) {
        ssize_t put = send(scene->channel[1], bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        }
        if (size > 0)
            result = turn(scene);
    }
    return result;
}

/* One frame in short: kind, stream, length, a byte to fill it with or a number. */
static int feed_frame(struct scene *scene, struct fuzz_input *input)
{
    static uint8_t payload[FIRMA_FRAME_PAYLOAD], bytes[FIRMA_FRAME_MAX];
    struct firma_frame frame = {.kind = (enum firma_frame_kind)(fuzz_take(input, 1) % 10),
                                .stream = (uint16_t)fuzz_take(input, 2),
                                .bytes = payload,
                                .length = fuzz_take(input, 2) % (FIRMA_FRAME_PAYLOAD + 1)};
    uint32_t number = fuzz_take(input, 4);
    memset(payload, (int)number, frame.length);
    if (frame.length >= 4)
        firma_put32(payload, number);
    size_t size = firma_frame_encode(&frame, bytes);
    if (frame.stream == FIRMA_STREAM_STDIN && frame.kind == FIRMA_FRAME_CREDIT && frame.length == 4)
        scene->granted += number;
    if (frame.stream == FIRMA_STREAM_STDOUT && frame.kind == FIRMA_FRAME_DATA)
        scene->taken += frame.length;
    return feed(scene, bytes, size);
}

/* Raw bytes may grant anything: the sums cannot be kept from here on. */
static int feed_raw(struct scene *scene, struct fuzz_input *input)
{
    size_t size = fuzz_take(input, 1);
    size = size < input->left ? size : input->left;
    const uint8_t *bytes = input->at;
    input->at += size;
    input->left -= size;
    scene->granted = scene->taken = UINT64_MAX / 2;
    return feed(scene, bytes, size);
}

static void write_some(int fd, uint32_t size)
{
    static const uint8_t zeros[65536];
    if (fd >= 0)
        (void)send(fd, zeros, size % (sizeof zeros + 1), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void read_some(int fd, uint32_t size)
{
    static uint8_t scrap[65536];
    if (fd >= 0)
        (void)recv(fd, scrap, size % (sizeof scrap + 1), MSG_DONTWAIT);
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* One of the services' connections. */
static void serve(struct scene *scene, struct fuzz_input *input)
{
    int *fd = &scene->far[fuzz_take(input, 2) % DESCRIPTORS];
    uint32_t what = fuzz_take(input, 1), size = fuzz_take(input, 2);
    if (*fd < 0)
        return;
    if (what % 4 == 0)
        write_some(*fd, size);
    else if (what % 4 == 1)
        read_some(*fd, size);
    else if (what % 4 == 2)
        (void)shutdown(*fd, SHUT_WR);
    else
        close_one(fd);
}

static int step(struct scene *scene, struct fuzz_input *input)
{
    uint8_t number[2];
    switch (fuzz_take(input, 1) % 12) {
    case 0:
        return feed_raw(scene, input);
    case 1:
    case 2:
        return feed_frame(scene, input);
    case 3:
        write_some(scene->in[1], fuzz_take(input, 2));
        return 1;
    case 4:
        read_some(scene->out[1], fuzz_take(input, 2));
        return 1;
    case 5:
        serve(scene, input);
        return 1;
    case 6:
        close_one(fuzz_take(input, 1) % 2 == 0 ? &scene->in[1] : &scene->out[1]);
        return 1;
    case 7:
        (void)firma_mux_say(scene->mux, FIRMA_WORD_WINDOW, (int32_t)fuzz_take(input, 4));
        return 1;
    case 8:
        firma_mux_send_datagram(scene->mux, (uint16_t)(fuzz_take(input, 1) % FIRMA_FLOW_COUNT),
                                number, 0);
        return 1;
    case 9:
        scene->deaf = fuzz_take(input, 1) % 2 == 0;
        return 1;
    default:
        return turn(scene);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scene scene; /* too big for the stack */
    struct fuzz_input input = {data, size};
    int result = 1;
    signal(SIGPIPE, SIG_IGN);
    scene = (struct scene){.deaf = false};
    set_up(&scene);
    for (int i = 0; i < STEPS && input.left > 0 && result == 1; i++)
        result = step(&scene, &input);
    for (int i = 0; i < 4 && result == 1; i++)
        result = turn(&scene);
    shutdown(scene.channel[1], SHUT_RDWR);
    for (int i = 0; i < 8 && result == 1; i++)
        result = turn(&scene);
    FUZZ_MUST(result != 1); /* a machine that is gone is noticed, whatever was said before */
    tear_down(&scene);
    return 0;
}
