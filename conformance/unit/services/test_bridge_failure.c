/* A sidecar that is gone, silent or broken; guests that are slow or somebody else's. */
#include "rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GET "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"

static char text[CF_RIG_TEXT];

static void expect_failure(int guest, const char *status, const char *error)
{
    char line[128];
    cf_read_head(guest, text);
    snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    if (strncmp(text, line, strlen(line)) != 0)
        fail_msg("expected %s, got %s", status, text);
    snprintf(line, sizeof line, "\r\nProxy-Status: firma-bridge; error=%s\r\n", error);
    if (strstr(text, line) == NULL)
        fail_msg("expected %s in %s", line, text);
    assert_true(cf_read_all(guest, text) >= 0);
    close(guest);
}

static void test_no_sidecar_is_connection_refused(void **state)
{
    struct cf_rig *rig = *state;
    close(rig->sidecar);
    rig->sidecar = -1;
    static const char *const requests[] = {
        GET,
        "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
        "HEAD http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        int guest = cf_dial(rig->port);
        cf_send(guest, requests[i]);
        expect_failure(guest, "502", "connection_refused");
    }
}

/* Interim answers are passed on, but not for ever. */
static void test_interim_answers_are_bounded(void **state)
{
    struct cf_rig *rig = *state;
    enum { SENT = 40 };
    int guest = cf_dial(rig->port), passed = 0;
    cf_send(guest, GET);
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    for (int i = 0; i < SENT; i++)
        send(sidecar, "HTTP/1.1 103 Early Hints\r\n\r\n", 28, MSG_NOSIGNAL);
    for (cf_read_head(guest, text); strncmp(text, "HTTP/1.1 103 ", 13) == 0; passed++)
        cf_read_head(guest, text);
    assert_in_range(passed, 1, SENT - 1);
    assert_int_equal(strncmp(text, "HTTP/1.1 502 ", 13), 0);
    assert_non_null(strstr(text, "error=http_protocol_error"));
    close(sidecar);
    close(guest);
}

static void test_broken_answers(void **state)
{
    struct cf_rig *rig = *state;
    static const char *const table[][2] = {
        {"", "connection_terminated"},
        {"HTTP/1.1 200 O", "http_response_incomplete"},
        {"HTTP/1.1 100 Continue\r\n\r\n", NULL},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "http_protocol_error"},
        {"HTTP/1.1 200 OK\nX: y\r\n\r\n", "http_protocol_error"},
        {"SSH-2.0-server\r\n\r\n", "http_protocol_error"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
         "http_protocol_error"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int guest = cf_dial(rig->port);
        cf_send(guest, GET);
        int sidecar = cf_accept(rig->sidecar);
        cf_read_head(sidecar, text);
        cf_send(sidecar, table[i][0]);
        close(sidecar);
        if (table[i][1] == NULL)
            cf_read_head(guest, text); /* the interim one */
        expect_failure(guest, "502", table[i][1] ? table[i][1] : "connection_terminated");
    }
}

/* A cut answer ends in a reset, never in an orderly end that a guest could take for the whole. */
static void test_cut_answers_are_reset(void **state)
{
    struct cf_rig *rig = *state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        int guest = cf_dial(rig->port);
        cf_send(guest, "GET http://a.example/ HTTP/1.0\r\n\r\n");
        int sidecar = cf_accept(rig->sidecar);
        cf_read_head(sidecar, text);
        cf_send(sidecar, answers[i]);
        close(sidecar);
        assert_int_equal(cf_read_all(guest, text), -1);
        close(guest);
    }
}

/* Too short a life for a test to wait out, long enough for a slow machine. */
static const struct firma_bridge_limits short_limits = {
    .idle = 150, .head = 150, .dial = 150, .exchange = 150, .tunnel = 150, .linger = 150};

static void test_time_outs(void **state)
{
    (void)state;
    struct cf_rig rig;
    cf_rig_bridge(&rig, &short_limits, getuid());
    int idle = cf_dial(rig.port), slow = cf_dial(rig.port), waiting = cf_dial(rig.port);
    cf_send(slow, "GET http://a.example/ HTTP/1.1\r\n");
    cf_send(waiting, GET);
    int sidecar = cf_accept(rig.sidecar);
    cf_expect_end(idle);
    expect_failure(slow, "408", "http_request_error");
    expect_failure(waiting, "504", "http_response_timeout");
    close(idle);
    close(sidecar);
    cf_rig_close(&rig);
}

static void test_a_head_sent_byte_by_byte_does_not_live_for_ever(void **state)
{
    (void)state;
    struct cf_rig rig;
    struct firma_bridge_limits limits = {.head = 150};
    cf_rig_bridge(&rig, &limits, getuid());
    int guest = cf_dial(rig.port);
    uint64_t start = firma_loop_now();
    cf_send(guest, "GET http://a.example/");
    struct timeval pause = {.tv_usec = 5000}; /* the pace of the slow guest, not a wait for us */
    setsockopt(guest, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause);
    char byte = 0;
    while (recv(guest, &byte, 1, 0) < 0 && firma_loop_now() - start < 5000)
        send(guest, "a", 1, MSG_NOSIGNAL);
    assert_int_equal(byte, 'H'); /* HTTP/1.1 408 */
    close(guest);
    cf_rig_close(&rig);
}

static void test_another_users_process_gets_nothing(void **state)
{
    (void)state;
    if (!cf_peers_have_owners())
        skip();
    struct cf_rig rig;
    cf_rig_bridge(&rig, NULL, getuid() + 1); /* then we are the other user */
    int guest = cf_dial(rig.port);
    send(guest, GET, strlen(GET), MSG_NOSIGNAL);
    cf_expect_end(guest);
    close(guest);
    cf_rig_close(&rig);
}

static int ask_as(uid_t uid, uint16_t port, bool leave)
{
    pid_t child = fork();
    if (child == 0) {
        char byte;
        if (setuid(uid) != 0)
            _exit(9);
        int fd = cf_dial(port);
        send(fd, GET, strlen(GET), MSG_NOSIGNAL);
        if (leave)
            _exit(0);
        _exit(recv(fd, &byte, 1, 0) > 0 ? 1 : 0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* A process of user 65534 in front of a bridge of root's, also one that is gone before it is looked
 * at: the kernel reports such a socket as root's. */
static void test_a_process_of_nobody_gets_nothing_from_root(void **state)
{
    struct cf_rig *rig = *state;
    if (!cf_peers_have_owners() || getuid() != 0)
        skip();
    if (ask_as(65534, rig->port, false) == 9 << 8)
        skip(); /* one id mapped only */
    assert_int_equal(ask_as(65534, rig->port, false), 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(ask_as(65534, rig->port, true), 0);
    int guest = cf_dial(rig->port); /* ours is served, and is the only one the sidecar hears of */
    cf_send(guest, "GET http://own.example/ HTTP/1.1\r\nHost: own.example\r\n\r\n");
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    assert_int_equal(strncmp(text, "GET http://own.example/ ", 24), 0);
    close(sidecar);
    close(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CF_RIG(test_no_sidecar_is_connection_refused),
        CF_RIG(test_interim_answers_are_bounded),
        CF_RIG(test_broken_answers),
        CF_RIG(test_cut_answers_are_reset),
        cmocka_unit_test(test_time_outs),
        cmocka_unit_test(test_a_head_sent_byte_by_byte_does_not_live_for_ever),
        cmocka_unit_test(test_another_users_process_gets_nothing),
        CF_RIG(test_a_process_of_nobody_gets_nothing_from_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
