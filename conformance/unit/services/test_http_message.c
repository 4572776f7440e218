/* How requests and answers are written, and how answers are framed (EXPECT.response). */
#include "rig.h"

#include "launcher/http_response.h"

#include <stdio.h>
#include <string.h>

static struct http_text text_of(const char *text)
{
    return (struct http_text){text, strlen(text)};
}

static void request_becomes(const char *guest, const char *sidecar)
{
    struct http_request request;
    struct http_refusal why;
    struct http_buffer out;
    char got[4096];
    if (!firma_http_read_request(&request, text_of(guest), &why))
        fail_msg("refused: %s", why.reason);
    assert_true(firma_http_buffer_open(&out, sizeof got));
    assert_true(firma_http_write_request(&request, text_of("x-firma-sandbox-id: box-1\r\n"), &out));
    struct http_text text = firma_http_buffer_text(&out);
    snprintf(got, sizeof got, "%.*s", (int)text.length, text.at);
    firma_http_buffer_close(&out);
    assert_string_equal(got, sidecar);
}

static void test_request_is_rebuilt(void **state)
{
    (void)state;
    request_becomes("GET http://a.example:8/x?y HTTP/1.1\r\nhost: other.example\r\nAccept: */*\r\n"
                    "Proxy-Connection: keep-alive\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                    "Trailer: X-Sum\r\nProxy-Authorization: Basic c2VjcmV0\r\nX-Hop: 1\r\n"
                    "Connection: x-hop, Keep-Alive\r\n\r\n",
                    "GET http://a.example:8/x?y HTTP/1.1\r\nHost: a.example:8\r\nAccept: */*\r\n"
                    "Via: 1.1 firma-bridge\r\nx-firma-sandbox-id: box-1\r\n\r\n");
}

static void test_framing_named_by_connection_survives(void **state)
{
    (void)state;
    request_becomes("POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 007\r\n"
                    "Connection: content-length, host\r\n\r\n",
                    "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
                    "Via: 1.1 firma-bridge\r\nContent-Length: 7\r\n"
                    "x-firma-sandbox-id: box-1\r\n\r\n");
}

/* With the guest's connection the sidecar's has no further use. */
static void test_the_last_request_says_so(void **state)
{
    (void)state;
    request_becomes(
        "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
        "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
        "Via: 1.1 firma-bridge\r\nx-firma-sandbox-id: box-1\r\n"
        "Connection: close\r\n\r\n");
}

static void test_http_1_0_request_is_spoken_as_1_1(void **state)
{
    (void)state;
    request_becomes("GET http://a.example/ HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
                    "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
                    "Via: 1.0 firma-bridge\r\nx-firma-sandbox-id: box-1\r\n"
                    "Connection: close\r\n\r\n");
}

static void test_attribution_spellings(void **state)
{
    (void)state;
    static const char *const owned[] = {"x-firma-a", "X-FIRMA-A", "x_firma_a",
                                        "X_Firma-a", "x-firma_",  "x-firma-"};
    static const char *const free_names[] = {"x-firm-a", "x-firma", "firma-a", "ax-firma-a",
                                             "x--firma-a"};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        assert_true(firma_http_is_attribution(text_of(owned[i])));
    for (size_t i = 0; i < sizeof free_names / sizeof free_names[0]; i++)
        assert_false(firma_http_is_attribution(text_of(free_names[i])));
}

static const char *framing_of(const struct http_response *response)
{
    static const char *const names[] = {"none", "length", "chunked", "close"};
    if (response->interim)
        return "interim";
    return response->opens_tunnel ? "tunnel" : names[response->body.kind];
}

static void judge(const char *name, const char *data, size_t size, const char *expected)
{
    struct http_response response;
    struct http_refusal why = {0};
    size_t scanned = 0;
    char method[16], got[64];
    sscanf(expected, "%15s", method);
    struct http_asked asked = {.is_connect = strcmp(method, "CONNECT") == 0,
                               .is_head = strcmp(method, "HEAD") == 0,
                               .keep_alive = true,
                               .minor = 1};
    struct http_text text = {data, size};
    ptrdiff_t head = firma_http_find_head(text, &scanned, &why);
    text.length = head > 0 ? (size_t)head : 0;
    bool read = head > 0 && firma_http_read_response(&response, text, &asked, &why);
    snprintf(got, sizeof got, "%s %s", method, read ? framing_of(&response) : "refused");
    cf_same_text(name, got, expected);
    if (head > 0 && !read)
        assert_int_equal(why.status, 502);
}

static void test_answers_from_files(void **state)
{
    (void)state;
    cf_each_case("http", "EXPECT.response", judge);
}

static void answer_becomes(const char *sidecar, const struct http_asked *asked, const char *guest)
{
    struct http_response response;
    struct http_refusal why;
    struct http_buffer out;
    char got[4096];
    assert_true(firma_http_read_response(&response, text_of(sidecar), asked, &why));
    assert_true(firma_http_buffer_open(&out, sizeof got));
    assert_true(firma_http_write_response(&response, &out));
    struct http_text text = firma_http_buffer_text(&out);
    snprintf(got, sizeof got, "%.*s", (int)text.length, text.at);
    firma_http_buffer_close(&out);
    assert_string_equal(got, guest);
}

static void test_answer_is_rebuilt(void **state)
{
    (void)state;
    struct http_asked asked = {.keep_alive = true, .minor = 1};
    answer_becomes("HTTP/1.1 200 Fine\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nETag: \"1\"\r\n"
                   "Keep-Alive: 5\r\nContent-Length: 5\r\n\r\n",
                   &asked,
                   "HTTP/1.1 200 Fine\r\nETag: \"1\"\r\nVia: 1.1 firma-bridge\r\n"
                   "Content-Length: 5\r\n\r\n");
    asked.keep_alive = false;
    answer_becomes("HTTP/1.0 404 \r\nContent-Length: 0\r\n\r\n", &asked,
                   "HTTP/1.1 404 \r\nVia: 1.0 firma-bridge\r\nContent-Length: 0\r\n"
                   "Connection: close\r\n\r\n");
    asked.minor = 0;
    answer_becomes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &asked,
                   "HTTP/1.1 200 OK\r\nVia: 1.1 firma-bridge\r\nConnection: close\r\n\r\n");
}

static void test_proxy_status_in_our_name_is_ours_alone(void **state)
{
    (void)state;
    struct http_asked asked = {.keep_alive = true, .minor = 1};
    answer_becomes("HTTP/1.1 502 Bad Gateway\r\n"
                   "Proxy-Status: x, Firma-Bridge; error=connection_refused\r\n"
                   "Proxy-Status: sidecar; error=dns_error\r\nContent-Length: 0\r\n\r\n",
                   &asked,
                   "HTTP/1.1 502 Bad Gateway\r\nProxy-Status: sidecar; error=dns_error\r\n"
                   "Via: 1.1 firma-bridge\r\nContent-Length: 0\r\n\r\n");
}

/* In a buffer of any size a message is written whole or refused, and never past the buffer's end.
 */
static void test_no_room_is_told(void **state)
{
    static const char guest[] = "POST http://a.example/x HTTP/1.1\r\nHost: a.example\r\nX-A: b\r\n"
                                "Content-Length: 3\r\n\r\n";
    static const char sidecar[] = "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct http_asked asked = {.keep_alive = true, .minor = 1};
    struct http_request request;
    struct http_response response;
    struct http_refusal why;
    size_t whole[2] = {0, 0};
    (void)state;
    assert_true(firma_http_read_request(&request, text_of(guest), &why));
    assert_true(firma_http_read_response(&response, text_of(sidecar), &asked, &why));
    for (size_t size = 1; size < 400; size++)
        for (int kind = 0; kind < 2; kind++) {
            struct http_buffer out;
            assert_true(firma_http_buffer_open(&out, size));
            bool written = kind == 0
                               ? firma_http_write_request(&request, text_of("x-f: y\r\n"), &out)
                               : firma_http_write_response(&response, &out);
            size_t used = firma_http_buffer_used(&out);
            assert_true(used <= size);
            if (written && whole[kind] == 0)
                whole[kind] = used;
            assert_int_equal(written, whole[kind] != 0);
            assert_true(!written || used == whole[kind]);
            firma_http_buffer_close(&out);
        }
    assert_true(whole[0] > sizeof guest / 2 && whole[1] > sizeof sidecar / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_is_rebuilt),
        cmocka_unit_test(test_framing_named_by_connection_survives),
        cmocka_unit_test(test_the_last_request_says_so),
        cmocka_unit_test(test_http_1_0_request_is_spoken_as_1_1),
        cmocka_unit_test(test_attribution_spellings),
        cmocka_unit_test(test_answers_from_files),
        cmocka_unit_test(test_answer_is_rebuilt),
        cmocka_unit_test(test_proxy_status_in_our_name_is_ours_alone),
        cmocka_unit_test(test_no_room_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
