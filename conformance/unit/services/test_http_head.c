/* Every head of fixtures/http/EXPECT: accepted, incomplete, or refused for the reason given there.
 */
#include "rig.h"

#include "launcher/http_request.h"

#include <stdio.h>
#include <string.h>

static void describe(char *out, size_t size, struct http_text data, size_t step)
{
    struct http_refusal why = {0};
    struct http_request request;
    size_t scanned = 0;
    ptrdiff_t head = 0;
    for (size_t seen = step; head == 0; seen += step) {
        size_t length = seen < data.length ? seen : data.length;
        head = firma_http_find_head((struct http_text){data.at, length}, &scanned, &why);
        if (length == data.length)
            break;
    }
    if (head == 0)
        snprintf(out, size, "incomplete");
    else if (head > 0 &&
             firma_http_read_request(&request, (struct http_text){data.at, (size_t)head}, &why))
        snprintf(out, size, "ok");
    else
        snprintf(out, size, "%d %s", why.status, why.reason);
}

static void judge(const char *name, const char *data, size_t size, const char *expected)
{
    static const size_t steps[] = {1, 7, CF_RIG_TEXT};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char got[256];
        describe(got, sizeof got, (struct http_text){data, size}, steps[i]);
        cf_same_text(name, got, expected);
    }
}

static void test_heads_from_files(void **state)
{
    (void)state;
    cf_each_case("http", "EXPECT", judge);
}

/* No prefix of a good head is accepted, and no byte past its buffer is looked at. */
static void test_every_prefix_is_incomplete(void **state)
{
    (void)state;
    static const char head[] = "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n";
    for (size_t length = 0; length < sizeof head - 1; length++) {
        struct http_refusal why;
        size_t scanned = 0;
        char *copy = test_malloc(length + 1);
        memcpy(copy, head, length);
        ptrdiff_t found = firma_http_find_head((struct http_text){copy, length}, &scanned, &why);
        test_free(copy);
        assert_int_equal(found, 0);
        assert_true(scanned <= length);
    }
}

/* Whatever a single byte of a request is turned into, nothing reads out of bounds, and what is
 * still accepted holds no control character but the line ends. */
static void test_any_byte_anywhere(void **state)
{
    (void)state;
    static const char head[] = "POST http://a.example:8/x?y HTTP/1.1\r\nHost: a.example:8\r\n"
                               "Content-Length: 5\r\nConnection: close, x\r\n\r\n";
    for (size_t at = 0; at < sizeof head - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char copy[sizeof head - 1], got[256];
            memcpy(copy, head, sizeof copy);
            copy[at] = (char)byte;
            describe(got, sizeof got, (struct http_text){copy, sizeof copy}, sizeof copy);
            if (byte < 0x20 && byte != '\t' && byte != head[at])
                assert_string_not_equal(got, "ok");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_from_files),
        cmocka_unit_test(test_every_prefix_is_incomplete),
        cmocka_unit_test(test_any_byte_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
