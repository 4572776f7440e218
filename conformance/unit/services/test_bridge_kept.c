/* What may ride on a sidecar connection that has carried an exchange before, and what may not. */
#include "rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a.example\r\n"
#define GET  "GET http://a.example/ HTTP/1.1\r\n" HOST "\r\n"
#define ONE  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
#define TWO  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"
#define BAD  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!"

static char text[CF_RIG_TEXT];

/* The guest's answer has BODY, one byte of it. */
static void expect_answer(int guest, char body)
{
    cf_read_head(guest, text);
    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    char got = 0;
    assert_int_equal(recv(guest, &got, 1, 0), 1);
    assert_int_equal(got, body);
}

static void serve(int sidecar, const char *answer)
{
    cf_read_head(sidecar, text);
    cf_send(sidecar, answer);
}

/* A guest whose first request was answered with ANSWER; the sidecar's end of it is in *SIDECAR. */
static int after_one(struct cf_rig *rig, const char *request, const char *answer, int *sidecar)
{
    int guest = cf_dial(rig->port);
    cf_send(guest, request);
    *sidecar = cf_accept(rig->sidecar);
    serve(*sidecar, answer);
    expect_answer(guest, '1');
    return guest;
}

static void test_a_second_request_rides(void **state)
{
    struct cf_rig *rig = *state;
    int sidecar, guest = after_one(rig, GET, ONE, &sidecar);
    cf_send(guest, "HEAD http://a.example/ HTTP/1.1\r\n" HOST "\r\n");
    serve(sidecar, "HTTP/1.1 204 No Content\r\n\r\n");
    cf_read_head(guest, text);
    cf_send(guest, GET);
    serve(sidecar, TWO);
    expect_answer(guest, '2');
    close(guest);
    cf_expect_end(sidecar);
    close(sidecar);
}

static void test_guests_do_not_share(void **state)
{
    struct cf_rig *rig = *state;
    int sidecar, guest = after_one(rig, GET, ONE, &sidecar), other_sidecar;
    int other = after_one(rig, GET, ONE, &other_sidecar);
    close(guest);
    cf_expect_end(sidecar);
    cf_send(other, GET);
    serve(other_sidecar, TWO);
    expect_answer(other, '2');
    close(other);
    close(sidecar);
    close(other_sidecar);
}

/* What changes something, or has a body, goes out once, on a connection of its own. */
static void test_what_cannot_be_repeated_does_not_ride(void **state)
{
    static const char *const requests[] = {
        "POST http://a.example/ HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx",
        "POST http://a.example/ HTTP/1.1\r\n" HOST "\r\n",
        "DELETE http://a.example/ HTTP/1.1\r\n" HOST "\r\n",
        "get http://a.example/ HTTP/1.1\r\n" HOST "\r\n",
        "GET http://a.example/ HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
        "GET http://a.example/ HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET http://a.example/ HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
        "GET http://a.example/ HTTP/1.0\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        int sidecar, guest = after_one(*state, GET, ONE, &sidecar);
        cf_send(guest, requests[i]);
        cf_expect_end(sidecar);
        close(sidecar);
        sidecar = cf_accept(((struct cf_rig *)*state)->sidecar);
        serve(sidecar, TWO);
        expect_answer(guest, '2');
        close(sidecar);
        close(guest);
    }
}

static void test_a_tunnel_does_not_ride(void **state)
{
    struct cf_rig *rig = *state;
    int sidecar, guest = after_one(rig, GET, ONE, &sidecar);
    cf_send(guest, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    cf_expect_end(sidecar);
    close(sidecar);
    sidecar = cf_accept(rig->sidecar);
    cf_read_head(sidecar, text);
    assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
    close(sidecar);
    close(guest);
}

/* An answer nobody asked for is nobody's: not with its predecessor, not after it, not later. */
static void test_what_was_not_asked_for_is_no_answer(void **state)
{
    struct cf_rig *rig = *state;
    int sidecar, guest = after_one(rig, GET, ONE BAD, &sidecar);
    cf_expect_end(sidecar);
    close(sidecar);
    for (int i = 0; i < 2; i++) {
        cf_send(guest, GET);
        sidecar = cf_accept(rig->sidecar);
        serve(sidecar, ONE);
        expect_answer(guest, '1');
        cf_send(sidecar, BAD);
        cf_expect_end(sidecar);
        close(sidecar);
    }
    close(guest);
}

static void test_an_answer_that_ends_it_ends_it(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x, Close\r\n\r\n1",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n1",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        int sidecar, guest = after_one(*state, GET, answers[i], &sidecar);
        cf_expect_end(sidecar);
        close(sidecar);
        cf_send(guest, GET);
        sidecar = cf_accept(((struct cf_rig *)*state)->sidecar);
        serve(sidecar, TWO);
        expect_answer(guest, '2');
        close(sidecar);
        close(guest);
    }
}

/* The sidecar ends the connection as the next request comes: that is sent again, once. */
static void test_a_request_that_was_not_heard_is_sent_again(void **state)
{
    struct cf_rig *rig = *state;
    int sidecar, guest = after_one(rig, GET, ONE, &sidecar);
    cf_send(guest, GET GET);
    cf_read_head(sidecar, text);
    close(sidecar);
    sidecar = cf_accept(rig->sidecar);
    serve(sidecar, ONE);
    expect_answer(guest, '1');
    serve(sidecar, TWO);
    expect_answer(guest, '2');
    close(guest);
    cf_expect_end(sidecar);
    close(sidecar);
}

static void test_it_is_not_sent_a_third_time(void **state)
{
    struct cf_rig *rig = *state;
    int sidecar, guest = after_one(rig, GET, ONE, &sidecar);
    cf_send(guest, GET);
    for (int i = 0; i < 2; i++) {
        cf_read_head(sidecar, text);
        close(sidecar);
        sidecar = i == 0 ? cf_accept(rig->sidecar) : -1;
    }
    cf_read_head(guest, text);
    assert_int_equal(strncmp(text, "HTTP/1.1 502 ", 13), 0);
    assert_non_null(strstr(text, "error=connection_terminated\r\n"));
    close(guest);
}

/* An answer that has begun is no longer one that may be asked for again. */
static void test_half_an_answer_is_not_asked_for_again(void **state)
{
    static const char *const halves[] = {"H", "HTTP/1.1 100 Continue\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        int sidecar, guest = after_one(*state, GET, ONE, &sidecar);
        cf_send(guest, GET);
        serve(sidecar, halves[i]);
        close(sidecar);
        cf_read_head(guest, text);
        if (i == 1)
            cf_read_head(guest, text);
        assert_int_equal(strncmp(text, "HTTP/1.1 502 ", 13), 0);
        close(guest);
    }
}

static void test_a_sidecar_that_is_gone_is_gone(void **state)
{
    struct cf_rig *rig = *state;
    int sidecar, guest = after_one(rig, GET, ONE, &sidecar);
    close(rig->sidecar);
    rig->sidecar = -1;
    close(sidecar);
    cf_send(guest, GET);
    cf_read_head(guest, text);
    assert_int_equal(strncmp(text, "HTTP/1.1 502 ", 13), 0);
    assert_non_null(strstr(text, "error=connection_refused\r\n"));
    close(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CF_RIG(test_a_second_request_rides),
        CF_RIG(test_guests_do_not_share),
        CF_RIG(test_what_cannot_be_repeated_does_not_ride),
        CF_RIG(test_a_tunnel_does_not_ride),
        CF_RIG(test_what_was_not_asked_for_is_no_answer),
        CF_RIG(test_an_answer_that_ends_it_ends_it),
        CF_RIG(test_a_request_that_was_not_heard_is_sent_again),
        CF_RIG(test_it_is_not_sent_a_third_time),
        CF_RIG(test_half_an_answer_is_not_asked_for_again),
        CF_RIG(test_a_sidecar_that_is_gone_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
