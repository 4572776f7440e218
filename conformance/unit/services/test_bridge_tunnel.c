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

static void open_tunnel(struct tunnel *tunnel, const struct firma_bridge_limits *limits)
{
    cf_rig_bridge(&tunnel->rig, limits, getuid());
    tunnel->guest = cf_dial(tunnel->rig.port);
    cf_send(tunnel->guest, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    tunnel->sidecar = cf_accept(tunnel->rig.sidecar);
    cf_read_head(tunnel->sidecar, text);
    cf_send(tunnel->sidecar, "HTTP/1.1 200 OK\r\n\r\n");
    cf_read_head(tunnel->guest, text);
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

/* Writes as much as goes in without anybody reading; then a full second must let no more in. */
static size_t fill(int fd)
{
    static char block[65536];
    size_t total = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    while (poll(&writable, 1, 300) == 1) {
        ssize_t sent = send(fd, block, sizeof block, MSG_NOSIGNAL);
        if (sent > 0)
            total += (size_t)sent;
    }
    fcntl(fd, F_SETFL, 0);
    return total;
}

static size_t drain(int fd, size_t limit)
{
    size_t total = 0;
    ssize_t count;
    while (total < limit && (count = recv(fd, text, sizeof text, 0)) > 0)
        total += (size_t)count;
    return total;
}

static void test_a_slow_reader_stops_the_writer_and_loses_nothing(void **state)
{
    struct tunnel *tunnel = *state;
    size_t written = fill(tunnel->guest);
    assert_true(written > 0);
    assert_true(written < 64 * 1024 * 1024); /* sockets and two buffers, not the whole memory */
    cf_send(tunnel->sidecar, "the other way is free");
    cf_expect(tunnel->guest, "the other way is free");
    assert_int_equal(drain(tunnel->sidecar, written), written);
    cf_send(tunnel->guest, "end");
    cf_expect(tunnel->sidecar, "end");
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
        cmocka_unit_test(test_an_idle_tunnel_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
