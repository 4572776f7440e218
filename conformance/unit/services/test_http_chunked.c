/* Every body of fixtures/http/EXPECT.chunked, fed in pieces of any size. */
#include "rig.h"

#include "launcher/http_body.h"

#include <stdio.h>
#include <string.h>

static void describe(char *out, size_t size, struct http_text data, size_t step)
{
    struct http_chunked decoder = {0};
    struct http_text payload;
    char body[4096];
    size_t used = 0, at = 0, consumed = 0;
    enum http_chunked_result result = HTTP_CHUNKED_MORE;
    for (;;) {
        size_t length = data.length - at < step ? data.length - at : step;
        result = firma_http_chunked_next(&decoder, (struct http_text){data.at + at, length},
                                         sizeof body - used, &consumed, &payload);
        at += consumed;
        if (result == HTTP_CHUNKED_DATA) {
            memcpy(body + used, payload.at, payload.length);
            used += payload.length;
        } else if (result != HTTP_CHUNKED_MORE || at == data.length) {
            break;
        }
    }
    if (result == HTTP_CHUNKED_DONE)
        snprintf(out, size, "done %.*s %zu", used > 0 ? (int)used : 1, used > 0 ? body : "-",
                 data.length - at);
    else
        snprintf(out, size, "%s", result == HTTP_CHUNKED_BAD ? "bad" : "more");
}

static void judge(const char *name, const char *data, size_t size, const char *expected)
{
    static const size_t steps[] = {1, 2, 3, 5, CF_RIG_TEXT};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char got[8192];
        describe(got, sizeof got, (struct http_text){data, size}, steps[i]);
        cf_same_text(name, got, expected);
    }
}

static void test_bodies_from_files(void **state)
{
    (void)state;
    cf_each_case("http", "EXPECT.chunked", judge);
}

/* The end stays the end: what comes after it is never consumed. */
static void test_done_is_final(void **state)
{
    (void)state;
    struct http_chunked decoder = {0};
    struct http_text payload, input = {"0\r\n\r\nGET", 8};
    size_t consumed;
    assert_int_equal(firma_http_chunked_next(&decoder, input, 10, &consumed, &payload),
                     HTTP_CHUNKED_DONE);
    assert_int_equal(consumed, 5);
    assert_int_equal(firma_http_chunked_next(&decoder, input, 10, &consumed, &payload),
                     HTTP_CHUNKED_DONE);
    assert_int_equal(consumed, 0);
}

/* With hardly any room in the output a body still arrives whole, framed anew, and ends once. */
static void test_body_through_a_narrow_output(void **state)
{
    (void)state;
    struct http_body body = {.kind = HTTP_BODY_CHUNKED, .write_chunked = true};
    struct http_buffer in, out;
    char got[1024] = "";
    size_t used = 0;
    enum http_body_result result;
    assert_true(firma_http_buffer_open(&in, 256));
    assert_true(firma_http_buffer_open(&out, 36)); /* 4 bytes of payload at a time */
    assert_true(firma_http_buffer_format(&in, "a;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\nrest"));
    do {
        result = firma_http_body_move(&body, &in, &out);
        assert_int_not_equal(result, HTTP_BODY_BAD);
        struct http_text text = firma_http_buffer_text(&out);
        memcpy(got + used, text.at, text.length);
        used += text.length;
        firma_http_buffer_clear(&out);
    } while (result != HTTP_BODY_DONE);
    assert_string_equal(got, "4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n");
    assert_int_equal(firma_http_buffer_used(&in), 4);
    firma_http_buffer_close(&in);
    firma_http_buffer_close(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_from_files),
        cmocka_unit_test(test_done_is_final),
        cmocka_unit_test(test_body_through_a_narrow_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
