/* What a hostile string looks like on a terminal, in XML, in Markdown and in a shell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/shell.h"
#include "report/text.h"

static char *put(enum cf_text_form form, const char *text)
{
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    cf_text_put(file, form, text);
    fclose(file);
    return out;
}

static void assert_put(enum cf_text_form form, const char *text, const char *expected)
{
    char *out = put(form, text);
    assert_string_equal(out, expected);
    free(out);
}

static void test_plain(void **state)
{
    (void)state;
    assert_put(CF_TEXT_PLAIN, "a <b> \\x0a", "a <b> \\x0a");
    assert_put(CF_TEXT_PLAIN, "j\u00f6rg \u2192 \u2026", "j\u00f6rg \u2192 \u2026");
    assert_put(CF_TEXT_PLAIN, "\x1b[31m\n\r\t\x7f", "\\x1b[31m\\x0a\\x0d\\x09\\x7f");
    assert_put(CF_TEXT_PLAIN, "\u202e\u2028\ufeff\u200b\u00ad",
               "\\u{202e}\\u{2028}\\u{feff}\\u{200b}\\u{ad}");
    assert_put(CF_TEXT_PLAIN, "\xc2\x85\uffff\U0001f600", "\\u{85}\\u{ffff}\\u{1f600}");
}

static void test_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    assert_put(CF_TEXT_PLAIN, "\xff\xc3", "\\xff\\xc3");
    assert_put(CF_TEXT_PLAIN, "\xc0\xaf", "\\xc0\\xaf");
    assert_put(CF_TEXT_PLAIN, "\xed\xa0\x80", "\\xed\\xa0\\x80");
    assert_put(CF_TEXT_PLAIN, "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    assert_put(CF_TEXT_PLAIN,
               "\xe2\x82"
               "A",
               "\\xe2\\x82A");
}

static void test_markup(void **state)
{
    (void)state;
    assert_put(CF_TEXT_XML, "<a b=\"c\" d='e'>&]]>",
               "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;]]&gt;");
    assert_put(CF_TEXT_XML, "\n\xff", "\\x0a\\xff");
    assert_put(CF_TEXT_MARKDOWN, "|`*_<\\\n", "&#124;&#96;&#42;&#95;&#60;&#92;&#92;x0a");
    assert_put(CF_TEXT_MARKDOWN, "a_b _c_", "a_b &#95;c&#95;");
    assert_put(CF_TEXT_MARKDOWN, "http://x www.y a:b", "http&#58;//x &#119;ww.y a:b");
}

static void test_fit(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
        const char *expected;
    } cases[] = {
        {"abc", 3, "abc"},           {"abcd", 3, "ab\u2026"}, {"ab", 4, "ab  "},
        {"\n\n", 6, "\\x0a\u2026 "}, {"abc", 1, "\u2026"},    {"abc", 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *out = NULL;
        size_t length = 0;
        FILE *file = open_memstream(&out, &length);
        cf_text_fit(file, cases[i].text, cases[i].columns, true);
        fclose(file);
        assert_string_equal(out, cases[i].expected);
        free(out);
    }
    assert_int_equal(cf_text_columns("\u00e9\n"), 5);
}

static void test_shell_words(void **state)
{
    static const char *const cases[][2] = {
        {"/usr/bin/true", "/usr/bin/true"},
        {"", "''"},
        {"a b", "'a b'"},
        {"it's", "'it'\\''s'"},
        {"$(x)", "'$(x)'"},
        {"a\nb'\\", "$'a\\x0ab\\'\\\\'"},
        {"\xff"
         "f",
         "$'\\xfff'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *out = NULL;
        size_t length = 0;
        FILE *file = open_memstream(&out, &length);
        cf_shell_put(file, cases[i][0]);
        fclose(file);
        assert_string_equal(out, cases[i][1]);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),       cmocka_unit_test(test_bytes_that_are_not_utf8),
        cmocka_unit_test(test_markup),      cmocka_unit_test(test_fit),
        cmocka_unit_test(test_shell_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
