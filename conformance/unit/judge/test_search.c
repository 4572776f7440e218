/* test_search.c - a nonce is found in every spelling, at every alignment, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/escape.h"
#include "base/nonce.h"
#include "judge/search.h"

static const char NONCE[] = "c3e32db3307641b7667809fb2358ffbe";

enum { ROOM = 512, OFFSETS = 16 };

/* One way to write bytes down. Returns the length written. */
typedef size_t spelling(const unsigned char *bytes, size_t length, char *out);

static size_t as_is(const unsigned char *bytes, size_t length, char *out)
{
    memcpy(out, bytes, length);
    return length;
}

static size_t reversed(const unsigned char *bytes, size_t length, char *out)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (char)bytes[length - 1 - i];
    return length;
}

static size_t upper(const unsigned char *bytes, size_t length, char *out)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (char)toupper(bytes[i]);
    return length;
}

/* DNS clients mix the case of names. */
static size_t mixed(const unsigned char *bytes, size_t length, char *out)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (char)(i % 2 == 0 ? toupper(bytes[i]) : bytes[i]);
    return length;
}

static size_t base64(const unsigned char *bytes, size_t length, char *out)
{
    return (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)length);
}

static size_t base64url(const unsigned char *bytes, size_t length, char *out)
{
    size_t written = base64(bytes, length, out);
    for (size_t i = 0; i < written; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return written;
}

/* RFC 4648, section 6, bit by bit: slow, and nothing like the code under test. */
static size_t base32(const unsigned char *bytes, size_t length, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    size_t written = 0;
    for (size_t bit = 0; bit < length * 8; bit += 5) {
        unsigned symbol = 0;
        for (size_t i = bit; i < bit + 5; i++)
            symbol = symbol << 1 | (i < length * 8 ? (bytes[i / 8] >> (7 - i % 8)) & 1u : 0u);
        out[written++] = alphabet[symbol];
    }
    return written;
}

static size_t base32_small(const unsigned char *bytes, size_t length, char *out)
{
    size_t written = base32(bytes, length, out);
    for (size_t i = 0; i < written; i++)
        out[i] = (char)tolower((unsigned char)out[i]);
    return written;
}

static const struct way {
    const char *name;
    spelling *write;
    bool text; /* of the 32 digits, not of the 16 bytes */
} WAYS[] = {
    {"raw", as_is, false},
    {"raw, reversed", reversed, false},
    {"hexadecimal", as_is, true},
    {"hexadecimal, upper case", upper, true},
    {"hexadecimal, mixed case", mixed, true},
    {"hexadecimal, reversed", reversed, true},
    {"base64 of the bytes", base64, false},
    {"base64url of the bytes", base64url, false},
    {"base64 of the text", base64, true},
    {"base64url of the text", base64url, true},
    {"base32 of the bytes", base32, false},
    {"base32 of the bytes, lower case", base32_small, false},
    {"base32 of the text", base32, true},
    {"base32 of the text, lower case", base32_small, true},
};
enum { WAY_COUNT = sizeof WAYS / sizeof WAYS[0] };

/* BEFORE bytes, then the nonce, then AFTER bytes, written down as WAY says. */
static size_t write_down(const struct way *way, const char *nonce, size_t before, size_t after,
                         char out[ROOM])
{
    unsigned char plain[ROOM];
    size_t length = before;
    for (size_t i = 0; i < before; i++)
        plain[i] = (unsigned char)(0x5a + 29 * i);
    if (way->text) {
        memcpy(plain + length, nonce, CF_NONCE_TEXT - 1);
        length += CF_NONCE_TEXT - 1;
    } else {
        assert_int_equal(cf_nonce_bytes(nonce, plain + length), 0);
        length += CF_NONCE_BYTES;
    }
    for (size_t i = 0; i < after; i++)
        plain[length++] = (unsigned char)(0xa5 ^ (31 * i));
    return way->write(plain, length, out);
}

static void every_spelling_at_every_alignment(void **state)
{
    (void)state;
    struct cf_needle *needle = cf_needle_new(NONCE);
    assert_non_null(needle);
    for (size_t w = 0; w < WAY_COUNT; w++)
        for (size_t before = 0; before < OFFSETS; before++)
            for (size_t after = 0; after < OFFSETS; after++) {
                char text[ROOM];
                size_t length = write_down(&WAYS[w], NONCE, before, after, text);
                if (!cf_needle_in(needle, text, length))
                    fail_msg("%s was missed behind %zu bytes, before %zu", WAYS[w].name, before,
                             after);
            }
    cf_needle_free(needle);
}

static void every_spelling_of_many_nonces(void **state)
{
    (void)state;
    for (int round = 0; round < 64; round++) {
        char nonce[CF_NONCE_TEXT], text[ROOM];
        assert_int_equal(cf_nonce(nonce, NULL), 0);
        struct cf_needle *needle = cf_needle_new(nonce);
        assert_non_null(needle);
        for (size_t w = 0; w < WAY_COUNT; w++) {
            size_t length = write_down(&WAYS[w], nonce, (size_t)round % 7, 3, text);
            if (!cf_needle_in(needle, text, length))
                fail_msg("%s of %s was missed", WAYS[w].name, nonce);
        }
        cf_needle_free(needle);
    }
}

/* One wrong bit anywhere is another nonce. */
static void another_nonce_is_not_found(void **state)
{
    (void)state;
    struct cf_needle *needle = cf_needle_new(NONCE);
    for (int bit = 0; bit < 128; bit++) {
        char other[CF_NONCE_TEXT], text[ROOM];
        unsigned char bytes[CF_NONCE_BYTES];
        assert_int_equal(cf_nonce_bytes(NONCE, bytes), 0);
        bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        for (int i = 0; i < CF_NONCE_BYTES; i++)
            snprintf(other + 2 * i, 3, "%02x", bytes[i]);
        for (size_t w = 0; w < WAY_COUNT; w++) {
            size_t length = write_down(&WAYS[w], other, 1, 1, text);
            /* The outermost symbols depend on their neighbours too and are not looked at, and of a
             * long spelling 40 are: beyond the first byte and 96 bits a difference may go unseen.
             */
            if (bit >= 8 && bit < 96 && cf_needle_in(needle, text, length))
                fail_msg("%s: %s was taken for %s", WAYS[w].name, other, NONCE);
        }
    }
    cf_needle_free(needle);
}

static void a_nonce_cut_short_is_not_found(void **state)
{
    (void)state;
    struct cf_needle *needle = cf_needle_new(NONCE);
    char text[ROOM];
    for (size_t w = 0; w < WAY_COUNT; w++) {
        size_t length = write_down(&WAYS[w], NONCE, 0, 0, text);
        if (length > 0 && cf_needle_in(needle, text, length / 2))
            fail_msg("half of %s was taken for the whole", WAYS[w].name);
    }
    assert_false(cf_needle_in(needle, NONCE, 31));
    assert_false(cf_needle_in(needle, NONCE + 1, 31));
    assert_false(cf_needle_in(needle, "", 0));
    cf_needle_free(needle);
}

/* Base64 with its case changed spells other bytes. */
static void base64_is_not_folded(void **state)
{
    (void)state;
    struct cf_needle *needle = cf_needle_new(NONCE);
    char text[ROOM];
    size_t length = write_down(&WAYS[6], NONCE, 0, 0, text);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)(isupper((unsigned char)text[i]) ? tolower(text[i]) : toupper(text[i]));
    assert_false(cf_needle_in(needle, text, length));
    cf_needle_free(needle);
}

/* Long data is searched in pieces: wherever the nonce stands it is in one of them. */
static void anywhere_in_long_data_it_is_found(void **state)
{
    (void)state;
    enum { LONG = 20000 };
    struct cf_needle *needle = cf_needle_new(NONCE);
    char text[CF_NONCE_TEXT], *data = malloc(LONG);
    assert_non_null(data);
    size_t length = upper((const unsigned char *)NONCE, CF_NONCE_TEXT - 1, text);
    for (size_t at = 0; at + length <= LONG; at += 13) {
        memset(data, 'x', LONG);
        memcpy(data + at, text, length);
        assert_true(cf_needle_in(needle, data, at + length));
    }
    memcpy(data + LONG - length, text, length);
    assert_true(cf_needle_in(needle, data, LONG));
    assert_false(cf_needle_in(needle, data, LONG - 1));
    free(data);
    cf_needle_free(needle);
}

static void split_by_another_byte_is_not_found(void **state)
{
    (void)state;
    struct cf_needle *needle = cf_needle_new(NONCE);
    char text[CF_NONCE_TEXT + 1];
    for (size_t at = 1; at < CF_NONCE_TEXT - 1; at++) {
        snprintf(text, sizeof text, "%.*s.%s", (int)at, NONCE, NONCE + at);
        assert_false(cf_needle_in(needle, text, strlen(text)));
    }
    cf_needle_free(needle);
}

static void json_is_searched_at_any_depth(void **state)
{
    (void)state;
    struct cf_needle *needle = cf_needle_new(NONCE);
    json_t *deep = json_pack("{s[i, {s[b, [s]]}]}", "a", 7, "b", 1, NONCE);
    json_t *key = json_pack("{s{sn}}", "a", NONCE);
    json_t *clean = json_pack("{s[i, b, n, f, s]}", "a", 7, 1, 0.5, "c3e32db3");
    assert_true(cf_needle_in_json(needle, deep));
    assert_true(cf_needle_in_json(needle, key));
    assert_false(cf_needle_in_json(needle, clean));
    assert_false(cf_needle_in_json(needle, NULL));
    json_decref(deep);
    json_decref(key);
    json_decref(clean);
    cf_needle_free(needle);
}

/* Evidence holds bytes escaped; raw ones have to be found in there. */
static void escaped_bytes_are_unescaped(void **state)
{
    (void)state;
    struct cf_needle *needle = cf_needle_new(NONCE);
    unsigned char bytes[CF_NONCE_BYTES];
    assert_int_equal(cf_nonce_bytes(NONCE, bytes), 0);
    char *escaped = cf_escape(bytes, sizeof bytes);
    assert_non_null(escaped);
    assert_null(memmem(escaped, strlen(escaped), bytes, sizeof bytes));
    json_t *value = json_pack("{ss}", "data", escaped);
    assert_true(cf_needle_in_json(needle, value));
    json_decref(value);
    free(escaped);
    cf_needle_free(needle);
}

/* A string that is no escaped string is searched as it stands. */
static void a_bad_escape_hides_nothing(void **state)
{
    (void)state;
    struct cf_needle *needle = cf_needle_new(NONCE);
    json_t *value = json_sprintf("\\q \\x0 %s \\", NONCE);
    assert_true(cf_needle_in_json(needle, value));
    json_decref(value);
    cf_needle_free(needle);
}

static void only_a_nonce_makes_a_needle(void **state)
{
    (void)state;
    assert_null(cf_needle_new(""));
    assert_null(cf_needle_new("c3e32db3307641b7667809fb2358ffb"));
    assert_null(cf_needle_new("c3e32db3307641b7667809fb2358ffbe0"));
    assert_null(cf_needle_new("c3e32db3307641b7667809fb2358ffbg"));
    assert_null(cf_needle_new("C3E32DB3307641B7667809FB2358FFBE"));
    cf_needle_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_at_every_alignment),
        cmocka_unit_test(every_spelling_of_many_nonces),
        cmocka_unit_test(another_nonce_is_not_found),
        cmocka_unit_test(a_nonce_cut_short_is_not_found),
        cmocka_unit_test(base64_is_not_folded),
        cmocka_unit_test(anywhere_in_long_data_it_is_found),
        cmocka_unit_test(split_by_another_byte_is_not_found),
        cmocka_unit_test(json_is_searched_at_any_depth),
        cmocka_unit_test(escaped_bytes_are_unescaped),
        cmocka_unit_test(a_bad_escape_hides_nothing),
        cmocka_unit_test(only_a_nonce_makes_a_needle),
    };
    return cmocka_run_group_tests_name("judge.search", tests, NULL, NULL);
}
