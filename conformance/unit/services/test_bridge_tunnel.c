/* CONNECT tunnels: half-close, backpressure, ends. */
#include "rig.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char text[CF_RIG_TEXT];

struct tunnel {
    struct cf_rig rig;
    int guest, sidecar;
};

static void connect_through(const struct cf_rig *rig, int *guest, int *sidecar)
{
    *guest = cf_dial(rig->port);
    cf_send(*guest, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    *sidecar = cf_accept(rig->sidecar);
    cf_read_head(*sidecar, text);
    cf_send(*sidecar, "HTTP/1.1 200 OK\r\n\r\n");
    cf_read_head(*guest, text);
}

static void open_tunnel(struct tunnel *tunnel, const struct firma_bridge_limits *limits)
{
    cf_rig_bridge(&tunnel->rig, limits, getuid());
    connect_through(&tunnel->rig, &tunnel->guest, &tunnel->sidecar);
}

static int setup(void **state)
{
    struct tunnel *tunnel = calloc(1, sizeof *tunnel);
    open_tunnel(tunnel, NULL);
    *state = tunnel;
    return 0;
}

static int teardown(void **state)
{
    struct tunnel *tunnel = *state;
    if (tunnel->guest >= 0)
        close(tunnel->guest);
    if (tunnel->sidecar >= 0)
        close(tunnel->sidecar);
    cf_rig_close(&tunnel->rig);
    free(tunnel);
    return 0;
}

static void test_half_close_from_the_guest(void **state)
{
    struct tunnel *tunnel = *state;
    cf_send(tunnel->guest, "question");
    shutdown(tunnel->guest, SHUT_WR);
    assert_int_equal(cf_read_all(tunnel->sidecar, text), 8);
    cf_send(tunnel->sidecar, "a late answer");
    cf_expect(tunnel->guest, "a late answer");
    shutdown(tunnel->sidecar, SHUT_WR);
    cf_expect_end(tunnel->guest);
}

static void test_half_close_from_the_sidecar(void **state)
{
    struct tunnel *tunnel = *state;
    shutdown(tunnel->sidecar, SHUT_WR);
    cf_expect_end(tunnel->guest);
    cf_send(tunnel->guest, "still talking");
    cf_expect(tunnel->sidecar, "still talking");
    shutdown(tunnel->guest, SHUT_WR);
    cf_expect_end(tunnel->sidecar);
}

static void test_a_reset_is_a_reset(void **state)
{
    struct tunnel *tunnel = *state;
    struct linger now = {.l_onoff = 1};
    setsockopt(tunnel->sidecar, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(tunnel->sidecar);
    tunnel->sidecar = -1;
    assert_int_equal(cf_read_all(tunnel->guest, text), -1);
}

/* The byte at OFFSET of a stream that no other stream, and no other order, resembles. */
static char byte_of(char stream, size_t offset)
{
    return (char)(stream + (int)(offset * 7 + (offset >> 8) * 13 + (offset >> 16) * 29));
}

/* Writes as much as goes in without anybody reading; then for 300 ms there must be no room. */
static size_t fill(int fd, char stream)
{
    static char block[65536];
    size_t total = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    while (poll(&writable, 1, 300) == 1) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = byte_of(stream, total + i);
        ssize_t sent = send(fd, block, sizeof block, MSG_NOSIGNAL);
        if (sent > 0)
            total += (size_t)sent;
    }
    fcntl(fd, F_SETFL, 0);
    return total;
}

/* Reads the stream up to LIMIT bytes. Returns how many of them came, and came as they were. */
static size_t drain(int fd, char stream, size_t limit)
{
    size_t total = 0;
    ssize_t count;
    while (total < limit && (count = recv(fd, text, sizeof text, 0)) > 0)
        for (ssize_t i = 0; i < count; i++, total++)
            if (text[i] != byte_of(stream, total))
                return total;
    return total;
}

static void test_a_slow_reader_stops_the_writer_and_loses_nothing(void **state)
{
    struct tunnel *tunnel = *state;
    size_t written = fill(tunnel->guest, 'a');
    assert_true(written > 0);
    assert_true(written < 64 * 1024 * 1024); /* sockets and two buffers, not the whole memory */
    cf_send(tunnel->sidecar, "the other way is free");
    cf_expect(tunnel->guest, "the other way is free");
    assert_int_equal(drain(tunnel->sidecar, 'a', written), written);
    cf_send(tunnel->guest, "end");
    cf_expect(tunnel->sidecar, "end");
}

/* Both wait in the middle of what they were given, and both go on. */
static void test_tunnels_that_stall_keep_their_bytes_apart(void **state)
{
    struct tunnel *one = *state;
    int guest, sidecar;
    connect_through(&one->rig, &guest, &sidecar);
    size_t first = fill(one->guest, 'a'), second = fill(guest, 'b');
    size_t back = fill(sidecar, 'c');
    assert_int_equal(drain(sidecar, 'b', second), second);
    assert_int_equal(drain(one->sidecar, 'a', first), first);
    assert_int_equal(drain(guest, 'c', back), back);
    close(guest);
    close(sidecar);
}

/* splice(2) stops before it, and says of it what it says of nothing. */
static void test_an_urgent_byte_does_not_hold_up_a_tunnel(void **state)
{
    struct tunnel *tunnel = *state;
    assert_int_equal(send(tunnel->guest, "ab", 2, MSG_OOB | MSG_NOSIGNAL), 2);
    cf_send(tunnel->guest, "cd");
    cf_expect(tunnel->sidecar, "acd");
}

static void test_an_idle_tunnel_ends(void **state)
{
    (void)state;
    struct tunnel tunnel;
    struct firma_bridge_limits limits = {.tunnel = 150};
    open_tunnel(&tunnel, &limits);
    cf_expect_end(tunnel.guest);
    cf_expect_end(tunnel.sidecar);
    close(tunnel.guest);
    close(tunnel.sidecar);
    cf_rig_close(&tunnel.rig);
}

#define TUNNEL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TUNNEL(test_half_close_from_the_guest),
        TUNNEL(test_half_close_from_the_sidecar),
        TUNNEL(test_a_reset_is_a_reset),
        TUNNEL(test_a_slow_reader_stops_the_writer_and_loses_nothing),
        TUNNEL(test_tunnels_that_stall_keep_their_bytes_apart),
        TUNNEL(test_an_urgent_byte_does_not_hold_up_a_tunnel),
        cmocka_unit_test(test_an_idle_tunnel_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
