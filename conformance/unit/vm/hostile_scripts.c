/* The guests that misbehave, each in its own way. */
#include "hostile.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = FIRMA_STREAM_OPENED, BEYOND = FIRMA_STREAM_COUNT, CYCLES = 10000 };

static const uint8_t zeros[FIRMA_FRAME_PAYLOAD];
static const uint8_t proxy = FIRMA_SERVICE_PROXY;

static void say(struct hostile *machine, uint16_t stream, const char *text)
{
    hostile_send(machine, FIRMA_FRAME_DATA, stream, text, strlen(text));
}

/* The control: nothing wrong with it. */
static void honest(struct hostile *machine)
{
    hostile_start(machine);
    say(machine, FIRMA_STREAM_STDOUT, "out\n");
    say(machine, FIRMA_STREAM_STDERR, "err\n");
    hostile_end(machine, 42 << 8);
}

/* The same where standard input is a terminal. */
static void honest_on_a_terminal(struct hostile *machine)
{
    hostile_start(machine);
    say(machine, FIRMA_STREAM_STDOUT, "out\n");
    hostile_send(machine, FIRMA_FRAME_END, FIRMA_STREAM_TERMINAL, NULL, 0);
    hostile_end(machine, 42 << 8);
}

static bool ends_stream(const struct firma_frame *frame)
{
    return frame->stream >= FIRST &&
           (frame->kind == FIRMA_FRAME_END || frame->kind == FIRMA_FRAME_RESET);
}

/* Uses every road there is: proxy, DNS over TCP and over UDP, and gives one up. */
static void traveller(struct hostile *machine)
{
    static const uint8_t dns = FIRMA_SERVICE_DNS;
    static const char request[] = "GET / HTTP/1.1\r\n\r\n", question[] = "question";
    struct firma_frame frame;
    hostile_start(machine);
    hostile_send(machine, FIRMA_FRAME_DATAGRAM, 0, question, sizeof question);
    hostile_send(machine, FIRMA_FRAME_OPEN, FIRST, &proxy, 1);
    hostile_send(machine, FIRMA_FRAME_OPEN, FIRST + 1, &dns, 1);
    hostile_send(machine, FIRMA_FRAME_OPEN, FIRST + 2, &proxy, 1);
    say(machine, FIRST, request);
    say(machine, FIRST + 1, question);
    hostile_send(machine, FIRMA_FRAME_END, FIRST + 1, NULL, 0);
    hostile_send(machine, FIRMA_FRAME_RESET, FIRST + 2, NULL, 0);
    for (int open = 2; open > 0 && hostile_receive(machine, &frame);)
        open -= ends_stream(&frame) && frame.stream <= FIRST + 1 ? 1 : 0;
    say(machine, FIRMA_STREAM_STDOUT, "out\n");
    hostile_end(machine, 42 << 8);
}

/* A whole window of standard output, then the other stream. */
static void flood(struct hostile *machine)
{
    hostile_start(machine);
    for (int i = 0; i < FIRMA_STREAM_WINDOW / FIRMA_FRAME_PAYLOAD; i++)
        hostile_send(machine, FIRMA_FRAME_DATA, FIRMA_STREAM_STDOUT, zeros, sizeof zeros);
    say(machine, FIRMA_STREAM_STDERR, "goes on\n");
    hostile_await_input(machine, 1);
    hostile_end(machine, 0);
}

/* Grants nothing for standard input, and talks on. */
static void no_credit(struct hostile *machine)
{
    hostile_start(machine);
    hostile_await_input(machine, FIRMA_STREAM_WINDOW);
    say(machine, FIRMA_STREAM_STDERR, "full\n");
    hostile_end(machine, 0);
}

static void absurd_credit(struct hostile *machine)
{
    hostile_start(machine);
    hostile_number(machine, FIRMA_FRAME_CREDIT, FIRMA_STREAM_STDIN, UINT32_MAX);
    hostile_end(machine, 0);
}

static void unspent_credit(struct hostile *machine)
{
    hostile_start(machine);
    hostile_number(machine, FIRMA_FRAME_CREDIT, FIRMA_STREAM_STDIN, 1);
    hostile_end(machine, 0);
}

static void data_after_end(struct hostile *machine)
{
    hostile_start(machine);
    hostile_send(machine, FIRMA_FRAME_END, FIRMA_STREAM_STDOUT, NULL, 0);
    say(machine, FIRMA_STREAM_STDOUT, "more\n");
    hostile_end(machine, 0);
}

static void undeclared_stream(struct hostile *machine)
{
    hostile_start(machine);
    say(machine, 9, "?");
    hostile_end(machine, 0);
}

static void forged_before_hello(struct hostile *machine)
{
    hostile_word(machine, FIRMA_WORD_ENDED, 0);
    hostile_start(machine);
}

static void forged_before_go(struct hostile *machine)
{
    hostile_word(machine, FIRMA_WORD_HELLO, FIRMA_VM_PROTOCOL);
    hostile_end(machine, 0);
}

/* Says it is over while standard output is not: nobody may have to wait for the rest. */
static void end_without_streams(struct hostile *machine)
{
    struct firma_frame frame;
    hostile_start(machine);
    hostile_word(machine, FIRMA_WORD_ENDED, 0);
    while (hostile_receive(machine, &frame))
        ;
}

/* Four frames in one piece: no turn of the host's lies between the results. */
static void two_results(struct hostile *machine)
{
    uint8_t bytes[4 * (FIRMA_FRAME_HEADER + 8)], payload[8];
    struct firma_frame frame = {FIRMA_FRAME_END, FIRMA_STREAM_STDOUT, NULL, 0};
    hostile_start(machine);
    size_t used = firma_frame_encode(&frame, bytes);
    frame.stream = FIRMA_STREAM_STDERR;
    used += firma_frame_encode(&frame, bytes + used);
    frame = (struct firma_frame){FIRMA_FRAME_WORD, 0, payload, sizeof payload};
    for (uint32_t status = 0; status < 2; status++) {
        firma_put32(payload, FIRMA_WORD_ENDED);
        firma_put32(payload + 4, status << 8);
        used += firma_frame_encode(&frame, bytes + used);
    }
    hostile_write(machine, bytes, used);
    while (hostile_receive(machine, &frame))
        ;
}

static void stopped_to_death(struct hostile *machine)
{
    hostile_start(machine);
    hostile_end(machine, 19); /* killed by SIGSTOP */
}

static void resizes_the_host(struct hostile *machine)
{
    hostile_start(machine);
    for (uint32_t i = 0; i < 1000; i++)
        hostile_word(machine, FIRMA_WORD_WINDOW, i << 16 | i);
    hostile_end(machine, 0);
}

/* Hears nothing until somebody opens the FIFO in its working directory; then waits for SIGTERM. */
static void deaf(struct hostile *machine)
{
    struct firma_frame frame;
    char path[256];
    hostile_start(machine);
    say(machine, FIRMA_STREAM_STDERR, "deaf\n");
    snprintf(path, sizeof path, "%s/listen", machine->cwd);
    if (open(path, O_RDONLY | O_CLOEXEC) < 0)
        return;
    while (hostile_receive(machine, &frame))
        if (frame.kind == FIRMA_FRAME_WORD && firma_get32(frame.bytes) == FIRMA_WORD_SIGNAL &&
            firma_get32(frame.bytes + 4) == SIGTERM)
            hostile_end(machine, 0);
}

/* A frame that is never finished. What the host says is still heard. */
static void half_a_frame(struct hostile *machine)
{
    struct firma_frame frame;
    uint8_t header[FIRMA_FRAME_HEADER] = {FIRMA_FRAME_DATA, 0, FIRMA_STREAM_STDOUT};
    hostile_start(machine);
    say(machine, FIRMA_STREAM_STDERR, "half\n");
    firma_put32(header + 4, FIRMA_FRAME_PAYLOAD);
    hostile_write(machine, header, sizeof header);
    hostile_write(machine, zeros, 10);
    while (hostile_receive(machine, &frame))
        if (frame.kind == FIRMA_FRAME_WORD && firma_get32(frame.bytes) == FIRMA_WORD_SIGNAL)
            return;
}

static void mute(struct hostile *machine)
{
    struct firma_frame frame;
    while (hostile_receive(machine, &frame))
        ;
}

/* Always busy, never ready. */
static void never_ready(struct hostile *machine)
{
    hostile_word(machine, FIRMA_WORD_HELLO, FIRMA_VM_PROTOCOL);
    for (;;)
        hostile_send(machine, FIRMA_FRAME_TEXT, 0, "soon", 4);
}

static void open_all(struct hostile *machine)
{
    hostile_start(machine);
    for (unsigned i = FIRST; i < BEYOND; i++)
        hostile_send(machine, FIRMA_FRAME_OPEN, (uint16_t)i, &proxy, 1);
}

/* Every connection there is, each but the first with a window full of bytes; then an honest end.
 * The scene's bridge serves one after the other, so all wait behind the first. */
static void all_connections(struct hostile *machine)
{
    open_all(machine);
    for (unsigned i = FIRST + 1; i < BEYOND; i++)
        for (int n = 0; n < FIRMA_STREAM_WINDOW / FIRMA_FRAME_PAYLOAD; n++)
            hostile_send(machine, FIRMA_FRAME_DATA, (uint16_t)i, zeros, sizeof zeros);
    say(machine, FIRMA_STREAM_STDERR, "open\n");
    hostile_await_input(machine, 1);
    hostile_end(machine, 0);
}

static void one_too_many(struct hostile *machine)
{
    open_all(machine);
    hostile_send(machine, FIRMA_FRAME_OPEN, BEYOND, &proxy, 1);
    hostile_end(machine, 0);
}

static void one_twice(struct hostile *machine)
{
    open_all(machine);
    hostile_send(machine, FIRMA_FRAME_OPEN, FIRST, &proxy, 1);
    hostile_end(machine, 0);
}

/* One number, ten thousand times: opened, broken off, given back. */
static void ten_thousand(struct hostile *machine)
{
    struct firma_frame frame;
    hostile_start(machine);
    for (int i = 0; i < CYCLES; i++) {
        hostile_send(machine, FIRMA_FRAME_OPEN, FIRST, &proxy, 1);
        hostile_send(machine, FIRMA_FRAME_RESET, FIRST, NULL, 0);
        hostile_send(machine, FIRMA_FRAME_DONE, FIRST, NULL, 0);
        while (hostile_receive(machine, &frame) && frame.kind != FIRMA_FRAME_DONE)
            ;
    }
    say(machine, FIRMA_STREAM_STDERR, "done\n");
    hostile_await_input(machine, 1);
    hostile_end(machine, 0);
}

/* More on the console than a disk should have to hold, terminal sequences among it. */
static void chatty(struct hostile *machine)
{
    char text[4096];
    memset(text, '\033', sizeof text);
    text[sizeof text - 1] = '\n';
    hostile_start(machine);
    for (int i = 0; i < 4096; i++)
        if (write(machine->log, text, sizeof text) < 0)
            return;
    hostile_end(machine, 7 << 8);
}

/* Dies with a last word that would do something to a terminal. */
static void last_words(struct hostile *machine)
{
    static const char words[] = "panic: \033]0;owned\007 \033[2J\n";
    hostile_start(machine);
    (void)!write(machine->log, words, sizeof words - 1);
}

static const struct {
    const char *name;
    hostile_script *script;
} scripts[] = {
    {"honest", honest},
    {"honest-on-a-terminal", honest_on_a_terminal},
    {"traveller", traveller},
    {"flood", flood},
    {"no-credit", no_credit},
    {"absurd-credit", absurd_credit},
    {"unspent-credit", unspent_credit},
    {"data-after-end", data_after_end},
    {"undeclared-stream", undeclared_stream},
    {"forged-before-hello", forged_before_hello},
    {"forged-before-go", forged_before_go},
    {"end-without-streams", end_without_streams},
    {"two-results", two_results},
    {"stopped-to-death", stopped_to_death},
    {"resizes-the-host", resizes_the_host},
    {"deaf", deaf},
    {"half-a-frame", half_a_frame},
    {"mute", mute},
    {"never-ready", never_ready},
    {"all-connections", all_connections},
    {"one-too-many", one_too_many},
    {"one-twice", one_twice},
    {"ten-thousand", ten_thousand},
    {"chatty", chatty},
    {"last-words", last_words},
};

hostile_script *hostile_find(const char *name)
{
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        if (strcmp(scripts[i].name, name) == 0)
            return scripts[i].script;
    return NULL;
}
