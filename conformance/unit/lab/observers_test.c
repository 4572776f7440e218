/* observers_test.c - the parsers of the canary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "observers/dns.h"
#include "observers/http.h"
#include "observers/tls.h"

#define BYTES(text) (const unsigned char *)(text), sizeof(text) - 1

static const unsigned char QUERY[] = "\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x05no.ce\x07"
                                     "example\0\0\x1c\0\x01OPT";

static void dns_question_is_read(void **state)
{
    struct cf_dns_question question;
    (void)state;
    assert_true(cf_dns_question(QUERY, sizeof QUERY - 1, &question));
    assert_string_equal(question.name, "no\\x2ece.example");
    assert_int_equal(question.type, 28);
    assert_int_equal(question.end, sizeof QUERY - 1 - 3);
}

/* Every prefix, a compressed name, no question: refused, never read beyond. */
static void dns_nonsense_is_refused(void **state)
{
    struct cf_dns_question question;
    unsigned char copy[sizeof QUERY];
    (void)state;
    for (size_t length = 0; length < sizeof QUERY - 4; length++) {
        memcpy(copy, QUERY, length);
        assert_false(cf_dns_question(copy, length, &question));
    }
    memcpy(copy, QUERY, sizeof QUERY);
    copy[12] = 0xc0;
    assert_false(cf_dns_question(copy, sizeof QUERY - 1, &question));
    memcpy(copy, QUERY, sizeof QUERY);
    copy[5] = 0;
    assert_false(cf_dns_question(copy, sizeof QUERY - 1, &question));
}

static void dns_answer_has_one_record(void **state)
{
    struct cf_dns_question question;
    unsigned char answer[CF_DNS_ANSWER_MAX], copy[sizeof QUERY];
    (void)state;
    assert_true(cf_dns_question(QUERY, sizeof QUERY - 1, &question));
    size_t length = cf_dns_answer(QUERY, &question, answer);
    assert_int_equal(length, question.end + 12 + 16);
    assert_memory_equal(answer, "\x12\x34\x85\x80\0\x01\0\x01\0\0\0\0", 12);
    memcpy(copy, QUERY, sizeof QUERY);
    copy[2] |= 0x80; /* a response is not answered */
    assert_int_equal(cf_dns_answer(copy, &question, answer), 0);
    question.type = 16;
    assert_int_equal(cf_dns_answer(QUERY, &question, answer), question.end);
}

/* A ClientHello with server name "a.example", in one record. */
static const unsigned char HELLO[] = "\x16\x03\x01\0\x45\x01\0\0\x41\x03\x03"
                                     "0123456789abcdef0123456789abcdef\0\0\x02\x13\x01\x01\0"
                                     "\0\x16\0\x0a\0\0\0\0\0\x0e\0\x0c\0\0\x09"
                                     "a.example\0";

static void tls_name_is_read(void **state)
{
    char name[256];
    size_t length = sizeof HELLO - 2;
    (void)state;
    assert_int_equal(length, 5 + 0x45);
    assert_int_equal(cf_tls_client_hello(HELLO, length, name), CF_TLS_WHOLE);
    assert_string_equal(name, "a.example");
    for (size_t part = 1; part < length; part++)
        assert_int_equal(cf_tls_client_hello(HELLO, part, name), CF_TLS_PARTIAL);
}

static void tls_hello_may_span_records(void **state)
{
    unsigned char split[sizeof HELLO + 16];
    char name[256];
    size_t body = sizeof HELLO - 2 - 5, first = 20;
    (void)state;
    memcpy(split, "\x16\x03\x01\0\x14", 5);
    memcpy(split + 5, HELLO + 5, first);
    memcpy(split + 5 + first, "\x16\x03\x01\0", 4);
    split[9 + first] = (unsigned char)(body - first);
    memcpy(split + 10 + first, HELLO + 5 + first, body - first);
    assert_int_equal(cf_tls_client_hello(split, 10 + body, name), CF_TLS_WHOLE);
    assert_string_equal(name, "a.example");
}

static void tls_nonsense_is_refused(void **state)
{
    char name[256];
    (void)state;
    assert_int_equal(cf_tls_client_hello(BYTES("GET / HTTP"), name), CF_TLS_NOT);
    assert_int_equal(cf_tls_client_hello(BYTES("\x16\x02\0\0\0"), name), CF_TLS_NOT);
    assert_int_equal(cf_tls_client_hello(BYTES("\x16\x03\x01\0\x04\x02\0\0\0"), name), CF_TLS_NOT);
    /* lengths that point beyond: a hello without a name */
    assert_int_equal(cf_tls_client_hello(BYTES("\x16\x03\x01\0\x05\x01\0\0\x01\xff"), name),
                     CF_TLS_WHOLE);
    assert_string_equal(name, "");
}

static void http_requests_are_delimited(void **state)
{
    struct cf_http_request request;
    char answer[CF_HTTP_ANSWER];
    (void)state;
    assert_int_equal(cf_http_request(BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"), &request), 27);
    assert_true(request.persist);
    assert_int_equal(cf_http_request(BYTES("GET / HTTP/1.1\r\nHost: a\r\n"), &request), 0);
    assert_int_equal(
        cf_http_request(BYTES("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd"), &request), 40);
    assert_int_equal(
        cf_http_request(BYTES("PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcd"), &request), 0);
    assert_int_equal(cf_http_request(BYTES("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                           "3\r\nabc\r\n0\r\nx: y\r\n\r\nGET"),
                                     &request),
                     46 + 8 + 3 + 6 + 2);
    assert_int_equal(cf_http_request(BYTES("GET / HTTP/1.0\r\n\r\n"), &request), 18);
    assert_false(request.persist);
    assert_int_equal(
        cf_http_request(BYTES("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n"), &request), 38);
    assert_false(request.persist);
    assert_true(request.head);
    size_t length = cf_http_answer(&request, answer);
    assert_int_equal(length, strlen(answer));
    assert_null(strstr(answer, "\r\n\r\ncanary"));
}

static void http_answer_brings_back_what_it_was_told(void **state)
{
    struct cf_http_request request;
    char answer[CF_HTTP_ANSWER], longest[200];
    (void)state;
    cf_http_request(BYTES("GET / HTTP/1.0\r\nX-Echo: one two\r\n\r\n"), &request);
    size_t used = cf_http_answer(&request, answer);
    assert_int_equal(used, strlen(answer));
    assert_non_null(strstr(answer, "\r\nX-Echo: one\r\nConnection: close\r\n\r\ncanary"));
    cf_http_request(BYTES("GET / HTTP/1.1\r\n\r\n"), &request);
    cf_http_answer(&request, answer);
    assert_null(strstr(answer, "X-Echo"));
    int length = snprintf(longest, sizeof longest, "GET / HTTP/1.0\r\nX-Echo: %0100d\r\n\r\n", 7);
    cf_http_request((const unsigned char *)longest, (size_t)length, &request);
    assert_true(cf_http_answer(&request, answer) < sizeof answer);
    assert_non_null(strstr(answer, "\r\n\r\ncanary"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_question_is_read),
        cmocka_unit_test(dns_nonsense_is_refused),
        cmocka_unit_test(dns_answer_has_one_record),
        cmocka_unit_test(tls_name_is_read),
        cmocka_unit_test(tls_hello_may_span_records),
        cmocka_unit_test(tls_nonsense_is_refused),
        cmocka_unit_test(http_requests_are_delimited),
        cmocka_unit_test(http_answer_brings_back_what_it_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
