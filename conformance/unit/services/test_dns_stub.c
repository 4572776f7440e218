/* The stub on its sockets. */
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ldns/ldns.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char query[] = "\x12\x34\x01\x00\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1";
static const char framed[] = "\0\x1d\x12\x34\x01\x00\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1";
enum { QUERY = sizeof query - 1, FRAMED = sizeof framed - 1 };

static int open_rig(void **state)
{
    struct cf_rig *rig = calloc(1, sizeof *rig);
    cf_rig_dns(rig, getuid());
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    cf_rig_close(*state);
    free(*state);
    return 0;
}

static int udp_to(uint16_t port)
{
    struct sockaddr_in stub = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = 5};
    stub.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&stub, sizeof stub), 0);
    return fd;
}

static void expect_refused(const uint8_t *data, size_t size)
{
    ldns_pkt *packet = NULL;
    assert_int_equal(ldns_wire2pkt(&packet, data, size), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_get_rcode(packet), LDNS_RCODE_REFUSED);
    assert_int_equal(ldns_pkt_qdcount(packet), 1);
    assert_int_equal(ldns_pkt_size(packet), size);
    ldns_pkt_free(packet);
}

static void test_udp_query_is_refused(void **state)
{
    struct cf_rig *rig = *state;
    uint8_t answer[512];
    int fd = udp_to(rig->port);
    assert_int_equal(send(fd, query, QUERY, 0), QUERY);
    expect_refused(answer, (size_t)recv(fd, answer, sizeof answer, 0));
    close(fd);
}

static void send_numbered(int fd, uint8_t who, uint8_t number)
{
    uint8_t message[QUERY];
    memcpy(message, query, QUERY);
    message[0] = who;
    message[1] = number;
    assert_int_equal(send(fd, message, sizeof message, 0), QUERY);
}

/* More than one batch, from two senders by turns, with messages in between that get no answer. */
static void test_a_burst_is_answered_each_to_its_sender(void **state)
{
    enum { BURST = 80 }; /* what a socket's buffer holds for sure */
    struct cf_rig *rig = *state;
    uint8_t answer[512];
    int fds[] = {udp_to(rig->port), udp_to(rig->port)};
    for (int i = 0; i < BURST; i++) {
        send_numbered(fds[0], 1, (uint8_t)i);
        send(fds[i % 2], query, 11, 0);
        send_numbered(fds[1], 2, (uint8_t)i);
    }
    for (int i = 0; i < 2 * BURST; i++) {
        expect_refused(answer, (size_t)recv(fds[i % 2], answer, sizeof answer, 0));
        assert_int_equal(answer[0], i % 2 + 1);
        assert_int_equal(answer[1], i / 2);
    }
    close(fds[0]);
    close(fds[1]);
}

/* The answer to the good query is the first to come: the ones before it got none. */
static void test_D1_responses_and_short_datagrams_get_nothing(void **state)
{
    struct cf_rig *rig = *state;
    uint8_t answer[512], response[QUERY];
    int fd = udp_to(rig->port);
    memcpy(response, query, QUERY);
    response[0] = 0x99;
    response[2] |= 0x80;
    send(fd, response, sizeof response, 0);
    send(fd, "", 0, 0);
    send(fd, query, 11, 0);
    send(fd, query, QUERY, 0);
    expect_refused(answer, (size_t)recv(fd, answer, sizeof answer, 0));
    assert_int_equal(answer[0], 0x12);
    close(fd);
}

static int read_answer(int fd)
{
    uint8_t answer[512] = {0};
    size_t used = 0;
    while (used < 2 || used < 2 + (size_t)(answer[0] << 8 | answer[1])) {
        ssize_t count = recv(fd, answer + used, used < 2 ? 2 - used : 1, 0);
        if (count <= 0)
            return -1;
        used += (size_t)count;
    }
    expect_refused(answer + 2, used - 2);
    return 0;
}

static void test_tcp_queries_may_be_pipelined_and_split(void **state)
{
    struct cf_rig *rig = *state;
    int fd = cf_dial(rig->port);
    for (int i = 0; i < 3; i++)
        cf_send_bytes(fd, framed, FRAMED);
    for (int i = 0; i < 3; i++)
        assert_int_equal(read_answer(fd), 0);
    for (size_t i = 0; i < FRAMED; i++)
        cf_send_bytes(fd, framed + i, 1);
    assert_int_equal(read_answer(fd), 0);
    close(fd);
}

/* COUNT answers come, each the same as a single one. */
static void expect_alike(int fd, int count)
{
    static uint8_t bytes[65536];
    uint8_t one[512];
    assert_true(recv(fd, one, 2, MSG_WAITALL) == 2);
    size_t size = 2 + (size_t)(one[0] << 8 | one[1]), at = 0;
    assert_true(size <= sizeof one &&
                recv(fd, one + 2, size - 2, MSG_WAITALL) == (ssize_t)size - 2);
    expect_refused(one + 2, size - 2);
    for (size_t left = (size_t)(count - 1) * size; left > 0;) {
        ssize_t got = recv(fd, bytes, left < sizeof bytes ? left : sizeof bytes, 0);
        assert_true(got > 0);
        for (ssize_t i = 0; i < got; i++, at = (at + 1) % size)
            if (bytes[i] != one[at])
                fail_msg("another answer");
        left -= (size_t)got;
    }
}

/* Queries are sent until every buffer on the way, there and back, is full of them; nobody has read
 * an answer by then. None is lost. */
static void test_tcp_backpressure_loses_nothing(void **state)
{
    struct cf_rig *rig = *state;
    enum { MOST = 1000000, BATCH = 2048 };
    static uint8_t batch[BATCH * FRAMED];
    int fd = cf_dial(rig->port);
    size_t sent = 0;
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    for (size_t i = 0; i < BATCH; i++)
        memcpy(batch + i * FRAMED, framed, FRAMED);
    while (sent < (size_t)MOST * FRAMED && poll(&room, 1, 200) == 1) {
        size_t from = sent % sizeof batch;
        ssize_t count = send(fd, batch + from, sizeof batch - from, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(count > 0 || errno == EAGAIN);
        sent += count > 0 ? (size_t)count : 0;
    }
    int queries = (int)(sent / FRAMED);
    size_t at = sent % FRAMED; /* bytes of the next query that went */
    assert_in_range(queries, 1000, MOST - 1);
    expect_alike(fd, queries);
    if (at > 0) {
        cf_send_bytes(fd, framed + at, FRAMED - at);
        assert_int_equal(read_answer(fd), 0);
    }
    close(fd);
}

/* One in the middle goes, the others are served on; what is open at the stub's end is closed. */
static void test_connections_end_one_by_one(void **state)
{
    struct cf_rig *rig = *state;
    enum { COUNT = 5 };
    int fds[COUNT];
    for (int i = 0; i < COUNT; i++) {
        fds[i] = cf_dial(rig->port);
        cf_send_bytes(fds[i], framed, FRAMED);
        assert_int_equal(read_answer(fds[i]), 0);
    }
    close(fds[2]);
    for (int i = 0; i < COUNT; i++) {
        if (i == 2)
            continue;
        cf_send_bytes(fds[i], framed, FRAMED);
        assert_int_equal(read_answer(fds[i]), 0);
        cf_send_bytes(fds[i], framed, 7); /* the stub waits for the rest */
    }
    cf_rig_close(rig);
    for (int i = 0; i < COUNT; i++) {
        if (i == 2)
            continue;
        cf_expect_end(fds[i]);
        close(fds[i]);
    }
    cf_rig_dns(rig, getuid()); /* for the teardown */
}

static void test_D3_impossible_lengths_close_at_once(void **state)
{
    struct cf_rig *rig = *state;
    static const char lengths[][2] = {{0, 0}, {0, 11}, {(char)0xff, (char)0xff}, {0x10, 0x01}};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        int fd = cf_dial(rig->port);
        uint64_t start = firma_loop_now();
        cf_send_bytes(fd, lengths[i], 2);
        cf_expect_end(fd);
        assert_true(firma_loop_now() - start < 2000); /* not the idle time-out's doing */
        close(fd);
    }
}

/* Slow clients hold every place there is, for three seconds; then the next one is served. */
static void test_D3_slow_clients_are_bounded_in_number_and_time(void **state)
{
    struct cf_rig *rig = *state;
    enum { SLOW = 32 };
    int slow[SLOW];
    for (int i = 0; i < SLOW; i++) {
        slow[i] = cf_dial(rig->port);
        cf_send_bytes(slow[i], framed, 5);
    }
    int next = cf_dial(rig->port);
    cf_send_bytes(next, framed, FRAMED);
    struct pollfd early = {.fd = next, .events = POLLIN};
    assert_int_equal(poll(&early, 1, 300), 0);
    assert_int_equal(read_answer(next), 0);
    for (int i = 0; i < SLOW; i++) {
        cf_expect_end(slow[i]);
        close(slow[i]);
    }
    close(next);
}

/* Every attempt finds one port for both, whatever sockets others hold. */
static void test_D5_one_port_for_both(void **state)
{
    (void)state;
    enum { STUBS = 24 };
    struct firma_loop *loop;
    struct firma_dns_stub *stubs[STUBS];
    assert_int_equal(firma_loop_open(&loop, NULL), 0);
    for (int i = 0; i < STUBS; i++) {
        assert_int_equal(firma_dns_stub_open(&stubs[i], loop, getuid(), NULL), 0);
        close(cf_dial(firma_dns_stub_port(stubs[i])));
        close(udp_to(firma_dns_stub_port(stubs[i])));
    }
    for (int i = 0; i < STUBS; i++)
        firma_dns_stub_close(stubs[i]);
    firma_loop_close(loop);
}

/* The two transports end with the stub alike; a TCP answer that follows shows that the UDP query,
 * sent before it, was seen and left unanswered. */
static void test_another_users_process_gets_nothing(void **state)
{
    (void)state;
    if (!cf_peers_have_owners())
        skip();
    struct cf_rig rig;
    char byte;
    cf_rig_dns(&rig, getuid() + 1); /* then we are the other user */
    int tcp = cf_dial(rig.port), udp = udp_to(rig.port);
    send(udp, query, QUERY, 0);
    send(tcp, framed, FRAMED, MSG_NOSIGNAL);
    cf_expect_end(tcp);
    cf_rig_close(&rig); /* the stub has read everything there was */
    assert_int_equal(recv(udp, &byte, 1, MSG_DONTWAIT), -1);
    close(tcp);
    close(udp);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_udp_query_is_refused),
        RIG(test_a_burst_is_answered_each_to_its_sender),
        RIG(test_D1_responses_and_short_datagrams_get_nothing),
        RIG(test_tcp_queries_may_be_pipelined_and_split),
        RIG(test_tcp_backpressure_loses_nothing),
        RIG(test_connections_end_one_by_one),
        RIG(test_D3_impossible_lengths_close_at_once),
        RIG(test_D3_slow_clients_are_bounded_in_number_and_time),
        cmocka_unit_test(test_D5_one_port_for_both),
        cmocka_unit_test(test_another_users_process_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
