/*
 * Two ends of a channel in one process, and one end against a peer that breaks the rules.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "runner/vm/channel/mux.h"

enum { PATIENCE = 20000 };

struct pair {
    int channel[2];
    struct firma_mux *host, *guest;
    uint32_t words; /* heard by the host */
    int dialled;    /* the far end of the last connection the host dialled; -1 */
};

static bool take_word(void *context, uint32_t word, int32_t value)
{
    struct pair *pair = context;
    (void)value;
    pair->words++;
    return word == FIRMA_WORD_HELLO;
}

static int take_connection(void *context, uint8_t service)
{
    struct pair *pair = context;
    int fds[2];
    (void)service;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    pair->dialled = fds[1];
    return fds[0];
}

static int set_up(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    const struct firma_mux_events host = {
        .context = pair, .word = take_word, .opened = take_connection};
    const struct firma_mux_events guest = {.context = pair};
    struct firma_error err;
    if (pair == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair->channel) < 0)
        return -1;
    pair->dialled = -1;
    for (int i = 0; i < 2; i++)
        if (fcntl(pair->channel[i], F_SETFL, O_NONBLOCK) < 0)
            return -1;
    *state = pair;
    return firma_mux_open(&pair->host, pair->channel[0], &host, &err) < 0 ||
                   firma_mux_open(&pair->guest, pair->channel[1], &guest, &err) < 0
               ? -1
               : 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;
    firma_mux_close(pair->host);
    firma_mux_close(pair->guest);
    for (int i = 0; i < 2; i++)
        close(pair->channel[i]);
    if (pair->dialled >= 0)
        close(pair->dialled);
    free(pair);
    return 0;
}

static void turn(struct pair *pair)
{
    struct firma_error err = {0};
    assert_int_equal(firma_mux_turn(pair->guest, NULL, 0, 0, &err), 1);
    assert_int_equal(firma_mux_turn(pair->host, NULL, 0, 0, &err), 1);
}

static void open_pipe(int ends[2])
{
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fcntl(ends[i], F_SETFL, O_NONBLOCK), 0);
}

/* Joins the host's and the guest's side of STREAM by pipes; FROM is where the guest's command would
 * write, TO where the host's caller would read. */
static void join(struct pair *pair, uint16_t stream, int *from, int *to)
{
    int guest[2], host[2];
    open_pipe(guest);
    open_pipe(host);
    firma_mux_attach(pair->guest, stream, guest[0], -1, 0);
    firma_mux_attach(pair->host, stream, -1, host[1], 0);
    *from = guest[1];
    *to = host[0];
}

static void test_stream_arrives_whole(void **state)
{
    enum { TOTAL = 3 * 1024 * 1024 };
    struct pair *pair = *state;
    static uint8_t chunk[5000];
    size_t sent = 0, received = 0;
    int from, to;
    join(pair, FIRMA_STREAM_STDOUT, &from, &to);
    for (int i = 0; i < PATIENCE && received < TOTAL; i++) {
        for (size_t n = 0; n < sizeof chunk; n++)
            chunk[n] = (uint8_t)((sent + n) * 31 >> 3);
        size_t left = TOTAL - sent < sizeof chunk ? TOTAL - sent : sizeof chunk;
        ssize_t put = left > 0 ? write(from, chunk, left) : 0;
        sent += put > 0 ? (size_t)put : 0;
        turn(pair);
        ssize_t got = read(to, chunk, sizeof chunk);
        for (ssize_t n = 0; n < got; n++)
            assert_int_equal(chunk[n], (uint8_t)((received + (size_t)n) * 31 >> 3));
        received += got > 0 ? (size_t)got : 0;
    }
    assert_int_equal(received, TOTAL);
    assert_false(firma_mux_is_finished(pair->host, FIRMA_STREAM_STDOUT));
    close(from);
    for (int i = 0; i < 10; i++)
        turn(pair);
    assert_true(firma_mux_is_sent(pair->guest, FIRMA_STREAM_STDOUT));
    assert_true(firma_mux_is_finished(pair->host, FIRMA_STREAM_STDOUT));
    assert_int_equal(read(to, chunk, sizeof chunk), 0);
    close(to);
}

/* Nobody reads one stream: its sender is held up, and the other goes on. */
static void test_stalled_stream_holds_up_nobody(void **state)
{
    struct pair *pair = *state;
    static uint8_t chunk[4096];
    size_t stalled = 0, received = 0;
    int from[2], to[2];
    join(pair, FIRMA_STREAM_STDOUT, &from[0], &to[0]);
    join(pair, FIRMA_STREAM_STDERR, &from[1], &to[1]);
    for (int i = 0; i < 2000; i++) {
        ssize_t put = write(from[0], chunk, sizeof chunk);
        stalled += put > 0 ? (size_t)put : 0;
        (void)!write(from[1], chunk, sizeof chunk);
        turn(pair);
        ssize_t got = read(to[1], chunk, sizeof chunk);
        received += got > 0 ? (size_t)got : 0;
    }
    /* A window, two pipes, and what one frame may hold. */
    assert_true(stalled <= FIRMA_STREAM_WINDOW + 2 * 65536 + FIRMA_FRAME_PAYLOAD);
    assert_true(received > 1900 * sizeof chunk);
    for (int i = 0; i < 2; i++) {
        close(from[i]);
        close(to[i]);
    }
}

/* The host's reader has gone: the guest's writer must find a broken pipe. */
static void test_broken_output_breaks_the_writer(void **state)
{
    struct pair *pair = *state;
    int from, to;
    join(pair, FIRMA_STREAM_STDOUT, &from, &to);
    close(to);
    assert_int_equal(write(from, "x", 1), 1);
    for (int i = 0; i < 10; i++)
        turn(pair);
    assert_int_equal(write(from, "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    assert_true(firma_mux_is_finished(pair->host, FIRMA_STREAM_STDOUT));
    close(from);
}

static int connect_through(struct pair *pair)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_true(firma_mux_connect(pair->guest, FIRMA_SERVICE_PROXY, fds[0]));
    for (int i = 0; i < 6; i++)
        turn(pair);
    assert_true(pair->dialled >= 0);
    return fds[1];
}

static void test_connection_half_closes(void **state)
{
    struct pair *pair = *state;
    char bytes[8];
    int client = connect_through(pair);
    assert_int_equal(write(client, "ask", 3), 3);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    for (int i = 0; i < 10; i++)
        turn(pair);
    assert_int_equal(read(pair->dialled, bytes, sizeof bytes), 3);
    assert_int_equal(read(pair->dialled, bytes, sizeof bytes), 0);
    assert_int_equal(write(pair->dialled, "answer", 6), 6);
    close(pair->dialled);
    pair->dialled = -1;
    for (int i = 0; i < 10; i++)
        turn(pair);
    assert_int_equal(read(client, bytes, sizeof bytes), 6);
    assert_int_equal(read(client, bytes, sizeof bytes), 0);
    close(client);
}

/* Many more connections than there are numbers, one after another: each number comes back. */
static void test_numbers_come_back(void **state)
{
    struct pair *pair = *state;
    for (int i = 0; i < 3 * FIRMA_STREAM_CONNECTIONS; i++) {
        int client = connect_through(pair);
        close(client);
        close(pair->dialled);
        pair->dialled = -1;
        for (int n = 0; n < 6; n++)
            turn(pair);
    }
    assert_true(firma_mux_may_connect(pair->guest));
}

/* A process may ask poll(2) about no more places than it may have descriptors. */
static void test_a_crowd_stays_below_the_limit(void **state)
{
    enum { CROWD = 100 };
    struct pair *pair = *state;
    struct rlimit before, low;
    int clients[CROWD], far[CROWD];
    for (int i = 0; i < CROWD; i++) {
        clients[i] = connect_through(pair);
        far[i] = pair->dialled;
    }
    pair->dialled = -1;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = CROWD + 20;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(write(far[CROWD - 1], "word", 4), 4);
    for (int i = 0; i < 6; i++)
        turn(pair);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    char bytes[8];
    assert_int_equal(recv(clients[CROWD - 1], bytes, sizeof bytes, MSG_DONTWAIT), 4);
    for (int i = 0; i < CROWD; i++) {
        close(clients[i]);
        close(far[i]);
    }
}

/* Sends FRAMES as the guest would and returns what the host makes of them. */
static int provoke(struct pair *pair, const struct firma_frame *frames, size_t count)
{
    static uint8_t bytes[FIRMA_FRAME_MAX];
    struct firma_error err = {0};
    int result = 1;
    for (size_t i = 0; i < count && result == 1; i++) {
        size_t size = firma_frame_encode(&frames[i], bytes);
        assert_int_equal(write(pair->channel[1], bytes, size), (ssize_t)size);
        result = firma_mux_turn(pair->host, NULL, 0, 0, &err);
        if (result == 1)
            result = firma_mux_turn(pair->host, NULL, 0, 0, &err);
    }
    return result;
}

static void test_refuses_hostile_frames(void **state)
{
    static const uint8_t zeros[16] = {0};
    static const uint8_t proxy[1] = {FIRMA_SERVICE_PROXY}, other[1] = {9};
    static const uint8_t window[4] = {0, 0, 2, 0}; /* FIRMA_STREAM_WINDOW */
    static const struct firma_frame hostile[][3] = {
        {{FIRMA_FRAME_WORD, 0, zeros, 8}},
        {{FIRMA_FRAME_TEXT, 0, zeros, 8}},
        {{FIRMA_FRAME_DATAGRAM, 0, zeros, 8}},
        {{FIRMA_FRAME_DATA, FIRMA_STREAM_BLOCK, zeros, 8}},
        {{FIRMA_FRAME_END, FIRMA_STREAM_BLOCK, NULL, 0}},
        {{FIRMA_FRAME_DATA, FIRMA_STREAM_STDIN, zeros, 8}},
        {{FIRMA_FRAME_DATA, FIRMA_STREAM_STDOUT, zeros, 8}},
        {{FIRMA_FRAME_DATA, 40, zeros, 8}},
        {{FIRMA_FRAME_CREDIT, 40, window, 4}},
        {{FIRMA_FRAME_DONE, 40, NULL, 0}},
        {{FIRMA_FRAME_OPEN, 40, other, 1}},
        {{FIRMA_FRAME_OPEN, 40, proxy, 1}, {FIRMA_FRAME_OPEN, 40, proxy, 1}},
        {{FIRMA_FRAME_OPEN, 40, proxy, 1}, {FIRMA_FRAME_CREDIT, 40, window, 4}},
        {{FIRMA_FRAME_OPEN, 40, proxy, 1}, {FIRMA_FRAME_DONE, 40, NULL, 0}},
        {{FIRMA_FRAME_OPEN, 40, proxy, 1},
         {FIRMA_FRAME_END, 40, NULL, 0},
         {FIRMA_FRAME_DATA, 40, zeros, 1}},
    };
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        size_t count = 0;
        while (count < 3 && hostile[i][count].kind != 0)
            count++;
        assert_int_equal(provoke(*state, hostile[i], count), -FIRMA_E_SYSTEM);
        tear_down(state);
        assert_int_equal(set_up(state), 0);
    }
}

/* The window is a limit, not a proposal. */
static void test_refuses_more_than_granted(void **state)
{
    static const uint8_t bytes[FIRMA_FRAME_PAYLOAD] = {0};
    const struct firma_frame data = {FIRMA_FRAME_DATA, FIRMA_STREAM_STDOUT, bytes, sizeof bytes};
    struct pair *pair = *state;
    int pipe_ends[2];
    open_pipe(pipe_ends);
    while (write(pipe_ends[1], bytes, sizeof bytes) > 0)
        ; /* nobody reads, so nothing is ever granted anew */
    firma_mux_attach(pair->host, FIRMA_STREAM_STDOUT, -1, pipe_ends[1], 0);
    for (int i = 0; i < FIRMA_STREAM_WINDOW / FIRMA_FRAME_PAYLOAD; i++)
        assert_int_equal(provoke(pair, &data, 1), 1);
    assert_int_equal(provoke(pair, &data, 1), -FIRMA_E_SYSTEM);
    close(pipe_ends[0]);
}

/* Noise from a fixed seed, most of it with a plausible header: whatever it does, the host's end
 * neither crashes nor goes on after the first broken rule. */
static void test_survives_noise(void **state)
{
    uint32_t seed = 20261123;
    for (int round = 0; round < 3000; round++) {
        struct pair *pair = *state;
        struct firma_error err = {0};
        uint8_t bytes[512];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        for (size_t at = 0; at + 24 < sizeof bytes; at += 24) {
            bytes[at] = (uint8_t)(1 + bytes[at] % 9);
            bytes[at + 1] = 0;
            bytes[at + 2] = (uint8_t)(bytes[at + 2] % 20);
            bytes[at + 3] = 0;
            firma_put32(bytes + at + 4, round % 2 == 0 ? 16 : bytes[at + 4] % 17);
        }
        assert_int_equal(write(pair->channel[1], bytes, sizeof bytes), (ssize_t)sizeof bytes);
        int result = 1;
        for (int i = 0; i < 4 && result == 1; i++)
            result = firma_mux_turn(pair->host, NULL, 0, 0, &err);
        assert_true(result == 1 || result == -FIRMA_E_SYSTEM);
        tear_down(state);
        assert_int_equal(set_up(state), 0);
    }
}

static void test_hang_up_is_told(void **state)
{
    struct pair *pair = *state;
    struct firma_error err = {0};
    assert_int_equal(shutdown(pair->channel[1], SHUT_RDWR), 0);
    assert_int_equal(firma_mux_turn(pair->host, NULL, 0, 0, &err), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stream_arrives_whole),
        TEST(test_stalled_stream_holds_up_nobody),
        TEST(test_broken_output_breaks_the_writer),
        TEST(test_connection_half_closes),
        TEST(test_numbers_come_back),
        TEST(test_a_crowd_stays_below_the_limit),
        TEST(test_refuses_hostile_frames),
        TEST(test_refuses_more_than_granted),
        TEST(test_survives_noise),
        TEST(test_hang_up_is_told),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
