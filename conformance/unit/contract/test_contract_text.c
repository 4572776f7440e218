/* The pure questions about one text, and the sandbox id that is minted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contract/text.h"
#include "sample.h"

static void test_utf8_is_judged_strictly(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "plain",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\xaf",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x9f\xbf",
                                      "\xe2\x82",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf0\x90\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xfe",
                                      "a\xff"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!firma_text_is_utf8(good[i]))
            fail_msg("good[%zu] refused", i);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (firma_text_is_utf8(bad[i]))
            fail_msg("bad[%zu] accepted", i);
}

static void test_paths_have_one_spelling(void **state)
{
    (void)state;
    static const char *const good[] = {"/", "/a", "/a/b", "/...", "/.a", "/a..", "/a b"};
    static const char *const bad[] = {"",   "a",    "a/b", "//",      "/a/",   "//a",
                                      "/.", "/a/.", "/..", "/a/../b", "/a//b", "/./a"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!firma_text_is_normal_path(good[i]))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (firma_text_is_normal_path(bad[i]))
            fail_msg("accepted: %s", bad[i]);
}

/* A reader of this version and a contract of another: no guess, no fall-back, a refusal. */
static void test_L8_another_version_is_refused(void **state)
{
    (void)state;
    struct firma_contract contract = sample_contract(), read = {0};
    struct firma_error err = {0};
    char *text = NULL;
    size_t length = 0;
    assert_int_equal(firma_contract_encode(&contract, &text, &length, &err), 0);
    char *version = strstr(text, "\"version\": 1");
    assert_non_null(version);
    version[strlen("\"version\": ")] = '2';
    assert_int_equal(firma_contract_decode(text, length, &read, &err), -FIRMA_E_CONTRACT);
    assert_names(&err, "version");
    free(text);
    firma_contract_clear(&contract);
}

static void test_loopback_ports(void **state)
{
    (void)state;
    assert_int_equal(firma_text_loopback_port("127.0.0.1:53", ""), 53);
    assert_int_equal(firma_text_loopback_port("127.0.0.1:65535", ""), 65535);
    assert_int_equal(firma_text_loopback_port("http://127.0.0.1:8080", "http://"), 8080);
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:0",
                                      "127.0.0.1:00",
                                      "127.0.0.1:053",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:99999",
                                      "127.0.0.1:100000",
                                      "127.0.0.1:4294967349",
                                      "127.0.0.1:5a",
                                      "127.0.0.1: 53",
                                      "127.0.0.1:-1",
                                      "127.0.0.10:53",
                                      "0127.0.0.1:53"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (firma_text_loopback_port(bad[i], "") != 0)
            fail_msg("accepted: %s", bad[i]);
}

static void test_controls_blanks_and_tokens(void **state)
{
    (void)state;
    assert_true(firma_text_has_control("a\r\nb"));
    assert_true(firma_text_has_control("\t"));
    assert_true(firma_text_has_control("\x7f"));
    assert_true(firma_text_has_control("\xc2\x85"));
    assert_true(firma_text_has_control("\xc2\x9f"));
    assert_false(firma_text_has_control("\xc2\xa0 plain \xc3\x85"));
    assert_true(firma_text_is_blank(""));
    assert_true(firma_text_is_blank(" \t\r\n\v\f"));
    assert_false(firma_text_is_blank(" a"));
    assert_true(firma_text_is_token("x-firma-User_1"));
    assert_false(firma_text_is_token(""));
    assert_false(firma_text_is_token("a b"));
    assert_false(firma_text_is_token("a:"));
    assert_false(firma_text_is_token("\xc3\xa9"));
}

static uint64_t minted_ms(const char *id)
{
    unsigned long long high = 0;
    unsigned long long low = 0;
    assert_int_equal(sscanf(id, "%8llx-%4llx-", &high, &low), 2);
    return high << 16 | low;
}

static void test_minted_ids_are_uuid7_of_now(void **state)
{
    (void)state;
    char previous[FIRMA_UUID_SIZE] = "";
    for (int i = 0; i < 200; i++) {
        struct timespec before;
        struct timespec after;
        char id[FIRMA_UUID_SIZE];
        clock_gettime(CLOCK_REALTIME, &before);
        assert_int_equal(firma_uuid7(id, NULL), 0);
        clock_gettime(CLOCK_REALTIME, &after);
        assert_int_equal(strlen(id), 36);
        assert_true(firma_text_is_uuid7(id));
        assert_int_equal(strspn(id, "0123456789abcdef-"), 36);
        assert_true(minted_ms(id) >= (uint64_t)before.tv_sec * 1000);
        assert_true(minted_ms(id) <= (uint64_t)after.tv_sec * 1000 + 999);
        assert_string_not_equal(id, previous);
        memcpy(previous, id, sizeof previous);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_is_judged_strictly),
        cmocka_unit_test(test_paths_have_one_spelling),
        cmocka_unit_test(test_L8_another_version_is_refused),
        cmocka_unit_test(test_loopback_ports),
        cmocka_unit_test(test_controls_blanks_and_tokens),
        cmocka_unit_test(test_minted_ids_are_uuid7_of_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
