/* Ordinary requests and answers, and how the bridge frames them. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GET         "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define VIA         "Via: 1.1 firma-bridge\r\n"
#define CLOSE       "Connection: close\r\n"
#define ATTRIBUTION "x-firma-sandbox-id: box-1\r\nx-firma-profile: strict\r\n"

static char text[CF_RIG_TEXT];

/* GUEST says REQUEST, the sidecar ANSWERs and hangs up; the guest gets EXPECTED. */
static void exchange(struct cf_rig *rig, int guest, const char *request, const char *answer,
                     const char *expected)
{
    cf_send(guest, request);
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    cf_send(sidecar, answer);
    close(sidecar);
    cf_expect(guest, expected);
}

static void test_answers_are_framed_by_what_was_asked(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    exchange(rig, guest, GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellotoo much",
             "HTTP/1.1 200 OK\r\n" VIA "Content-Length: 5\r\n\r\nhello");
    exchange(rig, guest, "HEAD http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
             "HTTP/1.1 200 OK\r\n" VIA "Content-Length: 5\r\n\r\n");
    exchange(rig, guest, GET, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
             "HTTP/1.1 204 No Content\r\n" VIA "\r\n");
    exchange(rig, guest, GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
             "HTTP/1.1 304 Not Modified\r\n" VIA "Content-Length: 5\r\n\r\n");
    exchange(rig, guest, GET,
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5;x\r\nhello\r\n0\r\nT: v\r\n\r\n",
             "HTTP/1.1 200 OK\r\n" VIA "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    exchange(rig, guest, GET, "HTTP/1.0 200 OK\r\n\r\nuntil the end",
             "HTTP/1.1 200 OK\r\nVia: 1.0 firma-bridge\r\n" CLOSE "\r\nuntil the end");
    cf_expect_end(guest);
    close(guest);
}

/* Apart, the second would wait until the guest has acknowledged the first. */
static void test_head_and_body_leave_together(void **state)
{
    static const char expected[] = "HTTP/1.1 200 OK\r\n" VIA "Content-Length: 5\r\n\r\nhello";
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest, GET);
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    cf_send(sidecar, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    ssize_t got = recv(guest, text, sizeof text - 1, 0);
    assert_int_equal(got, sizeof expected - 1);
    text[got] = '\0';
    assert_string_equal(text, expected);
    close(sidecar);
    close(guest);
}

static void test_http_1_0_guest_gets_no_chunks_and_an_end(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    exchange(rig, guest, "GET http://a.example/ HTTP/1.0\r\n\r\n",
             "HTTP/1.1 103 Early Hints\r\n\r\n"
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
             "HTTP/1.1 200 OK\r\n" VIA CLOSE "\r\nhello");
    cf_expect_end(guest);
    close(guest);
}

static void test_connection_close_is_honoured(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    exchange(rig, guest,
             "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n" GET,
             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
             "HTTP/1.1 200 OK\r\n" VIA "Content-Length: 0\r\n" CLOSE "\r\n");
    cf_expect_end(guest);
    close(guest);
}

static void test_pipelined_requests_are_taken_one_at_a_time(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest, GET GET GET);
    shutdown(guest, SHUT_WR); /* a guest may say all it has to say and only listen */
    int sidecar = cf_accept(rig->sidecar);
    for (int i = 0; i < 3; i++) {
        cf_expect(sidecar,
                  "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n" VIA ATTRIBUTION "\r\n");
        assert_int_equal(recv(sidecar, text, 1, MSG_DONTWAIT), -1);
        cf_send(sidecar, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    }
    cf_expect_end(sidecar);
    close(sidecar);
    assert_true(cf_read_all(guest, text) > 0);
    unsigned answers = 0;
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 200")) != NULL; at++)
        answers++;
    assert_int_equal(answers, 3);
    close(guest);
}

static void test_100_continue_comes_before_the_body(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest, "PUT http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n"
                   "Expect: 100-continue\r\n\r\n");
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    assert_non_null(strstr(text, "Expect: 100-continue\r\n"));
    cf_send(sidecar, "HTTP/1.1 100 Continue\r\n\r\n");
    cf_expect(guest, "HTTP/1.1 100 Continue\r\n" VIA "\r\n");
    cf_send(guest, "hello");
    cf_expect(sidecar, "hello");
    cf_send(sidecar, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    cf_expect(guest, "HTTP/1.1 201 Created\r\n" VIA "Content-Length: 0\r\n\r\n");
    close(sidecar);
    close(guest);
}

/* An answer before the body is complete ends the connection: where it ends nobody can say. */
static void test_early_answer_is_relayed_then_closed(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    cf_send(guest, "PUT http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
                   "Content-Length: 100\r\n\r\nhello");
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    cf_send(sidecar, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    cf_expect(guest, "HTTP/1.1 413 Too Large\r\n" VIA "Content-Length: 0\r\n\r\n");
    cf_send(guest, GET);
    cf_expect_end(guest);
    close(sidecar);
    close(guest);
}

static void test_options_asterisk_reaches_the_sidecar(void **state)
{
    struct cf_rig *rig = *state;
    int guest = cf_dial(rig->port);
    exchange(rig, guest, "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
             "HTTP/1.1 200 OK\r\n" VIA "Content-Length: 0\r\n\r\n");
    assert_int_equal(strncmp(text, "OPTIONS * HTTP/1.1\r\nHost: \r\n", 28), 0);
    close(guest);
}

/* Larger than every buffer, both ways, while the other end reads late. */
static void test_large_bodies_pass_whole(void **state)
{
    struct cf_rig *rig = *state;
    enum { SIZE = 3 * 1024 * 1024 };
    static char big[SIZE], got[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        big[i] = (char)(i * 31 + (i >> 9));
    int guest = cf_dial(rig->port);
    cf_send(guest, GET);
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    cf_send(sidecar, "HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n");
    pid_t writer = fork();
    if (writer == 0) {
        size_t at = 0;
        ssize_t sent = 1;
        for (; at < SIZE && sent > 0; at += (size_t)sent)
            sent = send(sidecar, big + at, SIZE - at, MSG_NOSIGNAL);
        _exit(at == SIZE ? 0 : 1);
    }
    close(sidecar);
    cf_read_head(guest, text);
    size_t used = 0;
    ssize_t count;
    while (used < SIZE && (count = recv(guest, got + used, SIZE - used, 0)) > 0)
        used += (size_t)count;
    assert_int_equal(used, SIZE);
    assert_memory_equal(got, big, SIZE);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    close(guest);
}

/* 64 KiB of head go through; one byte more is refused. */
static void test_largest_head(void **state)
{
    struct cf_rig *rig = *state;
    char *head = malloc(70000);
    int fixed = sprintf(head, "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX-Big: ");
    memset(head + fixed, 'a', 65536);
    memcpy(head + 65536 - 4, "\r\n\r\n", 5);
    int guest = cf_dial(rig->port);
    cf_send(guest, head);
    int sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    assert_non_null(strstr(text, ATTRIBUTION));
    close(sidecar);
    close(guest);
    memcpy(head + 65536 - 4, "a\r\n\r\n", 6);
    guest = cf_dial(rig->port);
    cf_send(guest, head);
    cf_read_head(guest, text);
    assert_int_equal(strncmp(text, "HTTP/1.1 431 ", 13), 0);
    close(guest);
    free(head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CF_RIG(test_answers_are_framed_by_what_was_asked),
        CF_RIG(test_head_and_body_leave_together),
        CF_RIG(test_http_1_0_guest_gets_no_chunks_and_an_end),
        CF_RIG(test_connection_close_is_honoured),
        CF_RIG(test_pipelined_requests_are_taken_one_at_a_time),
        CF_RIG(test_100_continue_comes_before_the_body),
        CF_RIG(test_early_answer_is_relayed_then_closed),
        CF_RIG(test_options_asterisk_reaches_the_sidecar),
        CF_RIG(test_large_bodies_pass_whole),
        CF_RIG(test_largest_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
