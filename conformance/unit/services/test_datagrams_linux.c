/* Datagrams by the batch: together on the way, each by itself where they arrive. */
#include "rig.h"

#include "launcher/datagrams.h"
#include "launcher/loop_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct ends {
    int sender, receiver;
    struct sockaddr_in peer; /* the receiver's */
};

static int open_ends(void **state)
{
    static struct ends ends;
    struct timeval limit = {.tv_sec = 5};
    uint16_t from = 0, to = 0;
    ends.sender = firma_listen_loopback(SOCK_DGRAM, &from);
    ends.receiver = firma_listen_loopback(SOCK_DGRAM, &to);
    assert_true(ends.sender >= 0 && ends.receiver >= 0);
    assert_int_equal(fcntl(ends.receiver, F_SETFL, 0), 0); /* blocking: the test waits */
    setsockopt(ends.receiver, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ends.peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(to)};
    ends.peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *state = &ends;
    return 0;
}

static int close_ends(void **state)
{
    struct ends *ends = *state;
    close(ends->sender);
    close(ends->receiver);
    return 0;
}

/* Datagram i is its number, LENGTHS[i] times. */
static void send_all(const struct ends *ends, const size_t *lengths, int count, bool merge)
{
    static struct firma_datagram batch[FIRMA_DATAGRAMS];
    for (int i = 0; i < count; i++) {
        batch[i].peer = ends->peer;
        batch[i].length = lengths[i];
        memset(batch[i].data, i, lengths[i]);
    }
    firma_datagrams_send(ends->sender, batch, count, merge);
}

static void expect_all(const struct ends *ends, const size_t *lengths, int count)
{
    uint8_t expected[FIRMA_DATAGRAM_BYTES], data[65536];
    for (int i = 0; i < count; i++) {
        memset(expected, i, lengths[i]);
        assert_int_equal(recv(ends->receiver, data, sizeof data, 0), lengths[i]);
        assert_memory_equal(data, expected, lengths[i]);
    }
    assert_int_equal(recv(ends->receiver, data, sizeof data, MSG_DONTWAIT), -1);
}

/* Runs of one length, shorter and longer ones among them, one of the longest after the shortest. */
static const size_t mixed[] = {40, 40, 40,  33, 33, 12, 512, 512, 12,
                               12, 40, 512, 1,  2,  3,  3,   2,   40};
enum { MIXED = sizeof mixed / sizeof mixed[0] };

static void test_each_arrives_by_itself(void **state)
{
    struct ends *ends = *state;
    assert_true(firma_datagrams_merge(ends->sender));
    send_all(ends, mixed, MIXED, true);
    expect_all(ends, mixed, MIXED);
    send_all(ends, mixed, MIXED, false);
    expect_all(ends, mixed, MIXED);
}

static void test_a_full_batch_of_the_longest(void **state)
{
    struct ends *ends = *state;
    size_t lengths[FIRMA_DATAGRAMS];
    for (int i = 0; i < FIRMA_DATAGRAMS; i++)
        lengths[i] = FIRMA_DATAGRAM_BYTES;
    send_all(ends, lengths, FIRMA_DATAGRAMS, true);
    expect_all(ends, lengths, FIRMA_DATAGRAMS);
}

/* A receiver that asks for it (UDP_GRO) sees them as they travelled. */
static void test_a_run_travels_as_one(void **state)
{
    static const size_t lengths[] = {40, 40, 33, 40}, together[] = {113, 40};
    struct ends *ends = *state;
    uint8_t data[65536];
    int on = 1;
    assert_int_equal(setsockopt(ends->receiver, IPPROTO_UDP, UDP_GRO, &on, sizeof on), 0);
    send_all(ends, lengths, 4, true);
    for (int i = 0; i < 2; i++)
        assert_int_equal(recv(ends->receiver, data, sizeof data, 0), together[i]);
    send_all(ends, lengths, 4, false);
    for (int i = 0; i < 4; i++)
        assert_int_equal(recv(ends->receiver, data, sizeof data, 0), lengths[i]);
}

/* Without checksums the kernel parts nothing (EINVAL), as with a device that cannot. */
static void test_a_refused_run_goes_one_by_one(void **state)
{
    struct ends *ends = *state;
    int on = 1;
    assert_int_equal(setsockopt(ends->sender, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
    send_all(ends, mixed, MIXED, true);
    expect_all(ends, mixed, MIXED);
}

/* The one in the middle goes nowhere: port 0. */
static void test_one_that_cannot_go_is_lost_alone(void **state)
{
    static const size_t lengths[] = {40, 40};
    struct ends *ends = *state;
    struct firma_datagram batch[3] = {{.peer = ends->peer, .length = 40},
                                      {.peer = ends->peer, .length = 40, .data = {9}},
                                      {.peer = ends->peer, .length = 40}};
    batch[1].peer.sin_port = 0;
    memset(batch[2].data, 1, 40);
    firma_datagrams_send(ends->sender, batch, 3, true);
    expect_all(ends, lengths, 2);
}

#define ENDS(test) cmocka_unit_test_setup_teardown(test, open_ends, close_ends)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENDS(test_each_arrives_by_itself),
        ENDS(test_a_full_batch_of_the_longest),
        ENDS(test_a_run_travels_as_one),
        ENDS(test_a_refused_run_goes_one_by_one),
        ENDS(test_one_that_cannot_go_is_lost_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
