/* Whose socket is it? Every way a socket can be bound, both protocols, both families. */
#include "rig.h"

#include "launcher/loop_socket.h"
#include "launcher/peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct ends {
    int service; /* bound to 127.0.0.1 */
    struct firma_peer peer;
    struct sockaddr_in local;
};

static void open_ends(struct ends *ends, int type, int protocol)
{
    uint16_t port = 0;
    ends->service = firma_listen_loopback(type, &port);
    assert_true(ends->service >= 0);
    assert_int_equal(fcntl(ends->service, F_SETFL, 0), 0); /* blocking: the test waits */
    ends->local = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    ends->local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(firma_peer_open(&ends->peer, protocol, ends->service, NULL), 0);
}

static void close_ends(struct ends *ends)
{
    firma_peer_close(&ends->peer);
    close(ends->service);
}

/* A socket of FAMILY; IPv6 ones speak to the IPv4 service through a mapped address. */
static int client(const struct ends *ends, int family, int type, struct sockaddr_storage *to,
                  socklen_t *size)
{
    int fd = socket(family, type, 0), off = 0;
    assert_true(fd >= 0);
    memset(to, 0, sizeof *to);
    if (family == AF_INET) {
        memcpy(to, &ends->local, sizeof ends->local);
        *size = sizeof ends->local;
        return fd;
    }
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = ends->local.sin_port};
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr), 1);
    memcpy(to, &mapped, sizeof mapped);
    *size = sizeof mapped;
    return fd;
}

static bool is(struct ends *ends, int protocol, const struct sockaddr_in *remote, uid_t owner)
{
    return firma_peer_is(&ends->peer, protocol, remote, &ends->local, owner);
}

static void test_tcp_connections(void **state)
{
    (void)state;
    static const int families[] = {AF_INET, AF_INET6};
    struct ends ends;
    open_ends(&ends, SOCK_STREAM, IPPROTO_TCP);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_storage to;
        struct sockaddr_in remote;
        socklen_t size;
        int fd = client(&ends, families[i], SOCK_STREAM, &to, &size);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, size), 0);
        size = sizeof remote;
        int accepted = accept(ends.service, (struct sockaddr *)&remote, &size);
        assert_true(accepted >= 0);
        assert_true(is(&ends, IPPROTO_TCP, &remote, getuid()));
        assert_false(is(&ends, IPPROTO_TCP, &remote, getuid() + 1));
        shutdown(fd, SHUT_WR); /* half closed is still somebody's */
        assert_true(is(&ends, IPPROTO_TCP, &remote, getuid()));
        close(fd); /* what only lingers is nobody's, not even root's */
        assert_false(is(&ends, IPPROTO_TCP, &remote, getuid()));
        assert_false(is(&ends, IPPROTO_TCP, &remote, 0));
        close(accepted);
    }
    close_ends(&ends);
}

/* A listener of ours on the peer's port is not the peer's connection. */
static void test_tcp_listener_is_no_peer(void **state)
{
    (void)state;
    struct ends ends, other;
    open_ends(&ends, SOCK_STREAM, IPPROTO_TCP);
    open_ends(&other, SOCK_STREAM, IPPROTO_TCP);
    assert_false(is(&ends, IPPROTO_TCP, &other.local, getuid()));
    close_ends(&other);
    close_ends(&ends);
}

static void judge_datagram(struct ends *ends, int fd)
{
    struct sockaddr_in remote;
    socklen_t size = sizeof remote;
    char byte;
    assert_int_equal(recvfrom(ends->service, &byte, 1, 0, (struct sockaddr *)&remote, &size), 1);
    assert_true(is(ends, IPPROTO_UDP, &remote, getuid()));
    assert_false(is(ends, IPPROTO_UDP, &remote, getuid() + 1));
    close(fd);
    assert_false(is(ends, IPPROTO_UDP, &remote, getuid()));
}

static void test_udp_connected_and_wildcard_sockets(void **state)
{
    (void)state;
    static const int families[] = {AF_INET, AF_INET6};
    struct ends ends;
    open_ends(&ends, SOCK_DGRAM, IPPROTO_UDP);
    for (int i = 0; i < 2; i++) {
        for (int connected = 0; connected < 2; connected++) {
            struct sockaddr_storage to;
            socklen_t size;
            int fd = client(&ends, families[i], SOCK_DGRAM, &to, &size);
            if (connected)
                assert_int_equal(connect(fd, (struct sockaddr *)&to, size), 0);
            ssize_t sent = connected ? send(fd, "x", 1, 0)
                                     : sendto(fd, "x", 1, 0, (struct sockaddr *)&to, size);
            assert_int_equal(sent, 1);
            judge_datagram(&ends, fd);
        }
    }
    close_ends(&ends);
}

static void test_udp_socket_of_another_loopback_address(void **state)
{
    (void)state;
    struct ends ends;
    open_ends(&ends, SOCK_DGRAM, IPPROTO_UDP);
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f000005);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&ends.local, sizeof ends.local), 1);
    judge_datagram(&ends, fd);
    close_ends(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_connections),
        cmocka_unit_test(test_tcp_listener_is_no_peer),
        cmocka_unit_test(test_udp_connected_and_wildcard_sockets),
        cmocka_unit_test(test_udp_socket_of_another_loopback_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
