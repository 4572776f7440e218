/* One frame of each kind, each cut at every length: nothing is read beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/dissect.h"

#define ETHERNET "\2\0\0\0\0\2\2\0\0\0\0\1"
#define IP6      "\x20\1\xd\xb8\0\1\0\0\0\0\0\0\0\0\0\2\x26\6\x47\0\x47\0\0\0\0\0\0\0\0\0\x11\x11"

static const struct {
    const char *what;
    const char *bytes;
    size_t length;
    const char *protocol, *target;
    int port;
    const char *payload;
} frames[] = {
    {"tcp with options",
     ETHERNET "\x08\0\x45\0\0\x2e\0\0\0\0\x40\6\0\0\xcb\0\x71\2\1\1\1\1"
              "\x0f\xa0\1\xbb\0\0\0\1\0\0\0\2\x60\x18\0\0\0\0\0\0\2\4\5\xb4"
              "hi",
     14 + 20 + 24 + 2, "tcp [PA]", "1.1.1.1", 443, "hi"},
    {"udp with padding",
     ETHERNET "\x08\0\x45\0\0\x1e\0\0\0\0\x40\x11\0\0\xcb\0\x71\2\x08\x08\x08\x08"
              "\x0f\xa0\0\x35\0\x0a\0\0"
              "hi\0\0\0\0\0\0\0\0",
     14 + 20 + 8 + 10, "udp", "8.8.8.8", 53, "hi"},
    {"icmp",
     ETHERNET "\x08\0\x45\0\0\x1e\0\0\0\0\x40\1\0\0\xcb\0\x71\2\1\1\1\1"
              "\x08\0\0\0\0\0\0\0"
              "hi",
     14 + 20 + 10, "icmp 8/0", "1.1.1.1", -1, "hi"},
    {"a later fragment",
     ETHERNET "\x08\0\x45\0\0\x16\0\0\0\5\x40\x11\0\0\xcb\0\x71\2\1\1\1\1"
              "hi",
     14 + 20 + 2, "ip fragment, proto 17", "1.1.1.1", -1, "hi"},
    {"udp over ip6 behind hop-by-hop options",
     ETHERNET "\x86\xdd\x60\0\0\0\0\x12\0\x40" IP6 "\x11\0\1\4\0\0\0\0\x0f\xa0\1\xbb\0\x0a\0\0"
              "hi",
     14 + 40 + 8 + 10, "udp", "2606:4700:4700::1111", 443, "hi"},
    {"sctp over ip6", ETHERNET "\x86\xdd\x60\0\0\0\0\2\x84\x40" IP6 "hi", 14 + 40 + 2,
     "ip proto 132", "2606:4700:4700::1111", -1, "hi"},
    {"arp", ETHERNET "\x08\6\0\1\x08\0\6\4\0\1\2\0\0\0\0\1\xcb\0\x71\2\0\0\0\0\0\0\xcb\0\x71\1",
     14 + 28, "arp", "203.0.113.1", -1, NULL},
    {"lldp",
     ETHERNET "\x88\xcc"
              "hi",
     16, "ethertype 0x88cc", "02:00:00:00:00:02", -1, "hi"},
};

static void test_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct cf_dissection parts;
        cf_dissect((const uint8_t *)frames[i].bytes, frames[i].length, &parts);
        print_message("%s\n", frames[i].what);
        assert_string_equal(parts.protocol, frames[i].protocol);
        assert_string_equal(parts.target, frames[i].target);
        assert_int_equal(parts.target_port, frames[i].port);
        if (frames[i].payload == NULL)
            continue;
        assert_int_equal(parts.payload_length, strlen(frames[i].payload));
        assert_memory_equal(parts.payload, frames[i].payload, parts.payload_length);
    }
}

/* Each prefix in a buffer of its own size, so that a sanitizer sees a step too far. */
static void test_cut_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        for (size_t length = 0; length <= frames[i].length; length++) {
            uint8_t *bytes = malloc(length + (length == 0));
            struct cf_dissection parts;
            memcpy(bytes, frames[i].bytes, length);
            cf_dissect(bytes, length, &parts);
            assert_in_range(parts.payload - bytes, 0, length);
            assert_in_range(parts.payload_length, 0, length - (size_t)(parts.payload - bytes));
            free(bytes);
        }
    }
}

/* Every byte of every frame set to every value. */
static void test_damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        uint8_t *bytes = malloc(frames[i].length);
        for (size_t at = 0; at < frames[i].length; at++) {
            for (int value = 0; value < 256; value++) {
                struct cf_dissection parts;
                memcpy(bytes, frames[i].bytes, frames[i].length);
                bytes[at] = (uint8_t)value;
                cf_dissect(bytes, frames[i].length, &parts);
                assert_in_range(parts.payload_length, 0,
                                frames[i].length - (size_t)(parts.payload - bytes));
            }
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
