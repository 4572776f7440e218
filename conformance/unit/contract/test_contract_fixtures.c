/* Replays fixtures/contracts: what is valid comes back byte for byte, what is invalid is refused
 * with the field's name. The files were written by another program than the one under test. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"

/* Floors, so that a folder that was not found cannot pass. */
enum { FEWEST_VALID = 20, FEWEST_INVALID = 60 };

static const char *folder(const char *name)
{
    static char path[4096];
    const char *fixtures = getenv("FIRMA_FIXTURES");
    snprintf(path, sizeof path, "%s/contracts/%s", fixtures != NULL ? fixtures : "fixtures", name);
    return path;
}

static char *load(const char *dir, const char *name, size_t *length)
{
    FILE *file = fopen(sample_path(dir, name, 0), "rb");
    if (file == NULL)
        fail_msg("cannot open %s/%s", dir, name);
    size_t room = 1 << 20;
    char *text = malloc(room);
    assert_non_null(text);
    *length = fread(text, 1, room, file);
    assert_true(*length < room);
    fclose(file);
    return text;
}

static bool is_fixture(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".json") == 0;
}

static void check_round_trip(const char *dir, const char *name)
{
    size_t length = 0;
    size_t written = 0;
    char *text = load(dir, name, &length);
    char *again = NULL;
    struct firma_contract contract = {0};
    struct firma_error err = {0};
    if (firma_contract_decode(text, length, &contract, &err) < 0)
        fail_msg("%s: refused: %s", name, err.text);
    if (firma_contract_encode(&contract, &again, &written, &err) < 0)
        fail_msg("%s: not written: %s", name, err.text);
    if (written != length || memcmp(again, text, length) != 0)
        fail_msg("%s: comes back as\n%s", name, again);
    assert_int_equal(err.code, 0);
    firma_contract_clear(&contract);
    free(again);
    free(text);
}

static void test_valid_contracts_come_back_byte_for_byte(void **state)
{
    (void)state;
    const char *dir = folder("valid");
    DIR *stream = opendir(dir);
    assert_non_null(stream);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (!is_fixture(entry->d_name))
            continue;
        check_round_trip(dir, entry->d_name);
        count++;
    }
    closedir(stream);
    assert_true(count >= FEWEST_VALID);
}

static void check_refusal(const char *dir, const char *name, const char *expected)
{
    size_t length = 0;
    char *text = load(dir, name, &length);
    struct firma_contract contract = {0};
    struct firma_contract untouched = {0};
    struct firma_error err = {0};
    int result = firma_contract_decode(text, length, &contract, &err);
    if (result != -FIRMA_E_CONTRACT)
        fail_msg("%s: decode gave %d (%s)", name, result, err.text);
    if (strstr(err.text, expected) == NULL)
        fail_msg("%s\nmessage: %s\nmust hold: %s", name, err.text, expected);
    assert_memory_equal(&contract, &untouched, sizeof contract);
    free(text);
}

/* EXPECT: one line per fixture, name TAB text that the message must hold. */
static void test_invalid_contracts_are_refused_by_field(void **state)
{
    (void)state;
    const char *dir = folder("invalid");
    size_t length = 0;
    int count = 0;
    char *expect = load(dir, "EXPECT", &length);
    expect[length] = '\0';
    char *rest = NULL;
    for (char *line = strtok_r(expect, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *tab = strchr(line, '\t');
        assert_non_null(tab);
        *tab = '\0';
        assert_true(strlen(tab + 1) > 3);
        check_refusal(dir, line, tab + 1);
        count++;
    }
    free(expect);
    assert_true(count >= FEWEST_INVALID);
}

static void test_every_invalid_fixture_has_its_line(void **state)
{
    (void)state;
    const char *dir = folder("invalid");
    size_t length = 0;
    char *expect = load(dir, "EXPECT", &length);
    expect[length] = '\0';
    DIR *stream = opendir(dir);
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        char line[512];
        snprintf(line, sizeof line, "%s\t", entry->d_name);
        if (is_fixture(entry->d_name) && strstr(expect, line) == NULL)
            fail_msg("%s has no line in EXPECT", entry->d_name);
    }
    closedir(stream);
    free(expect);
}

static const char typical[] = "typical--launch-with-one-read-only-mount.json";

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    size_t length = 0;
    char *text = load(folder("valid"), typical, &length);
    for (size_t cut = 0; cut < length; cut++) {
        char *part = malloc(cut + 1); /* exact size: the sanitizer sees any read beyond it */
        assert_non_null(part);
        memcpy(part, text, cut);
        struct firma_contract contract = {0};
        struct firma_error err = {0};
        assert_int_equal(firma_contract_decode(part, cut, &contract, &err), -FIRMA_E_CONTRACT);
        assert_true(err.text[0] != '\0');
        free(part);
    }
    free(text);
}

/* Whatever one changed byte does, what is accepted can be written again. */
static void test_any_changed_byte_is_refused_or_survives_a_round_trip(void **state)
{
    (void)state;
    static const char bytes[] = {'"', '\\', '{', '}', ',', '0', '\0', (char)0xff};
    size_t length = 0;
    char *text = load(folder("valid"), typical, &length);
    for (size_t i = 0; i < length * sizeof bytes; i++) {
        char kept = text[i / sizeof bytes];
        text[i / sizeof bytes] = bytes[i % sizeof bytes];
        struct firma_contract contract = {0};
        struct firma_error err = {0};
        int result = firma_contract_decode(text, length, &contract, &err);
        if (result == 0)
            assert_int_equal(firma_contract_validate(&contract, &err), 0);
        else
            assert_int_equal(result, -FIRMA_E_CONTRACT);
        firma_contract_clear(&contract);
        text[i / sizeof bytes] = kept;
    }
    free(text);
}

/* JSON white space and any order of keys are a reader's business only. */
static void test_reader_allows_white_space_and_any_key_order(void **state)
{
    (void)state;
    static const char text[] =
        " \r\n\t{\"invariants\":[{\"mode\":\"required\",\"name\":\"sidecar_only_egress\"},"
        "{\"name\":\"dns_confined\",\"mode\":\"required\"},"
        "{\"name\":\"fail_closed_startup\",\"mode\":\"disabled_by_policy\"},"
        "{\"name\":\"fail_closed_runtime\",\"mode\":\"required\"},"
        "{\"name\":\"direct_bypass_resistant\",\"mode\":\"required\"},"
        "{\"name\":\"preserve_stdio_signals_exit\",\"mode\":\"required\"}],"
        "\"network\":{\"attribution_headers\":{\"x-firma-sandbox-id\":\"" SAMPLE_ID "\"},"
        "\"dns_stub_addr\":\"127.0.0.1:2\",\"proxy_url\":\"http:\\/\\/127.0.0.1:1\"},"
        "\"mounts\":[{\"read_only\":false,\"target\":\"/w\",\"source\":\"/w\"}],"
        "\"command\":{\"seccomp_filter_path\":null,\"identity_mode\":\"host_user\","
        "\"env\":{\"B\":\"2\",\"A\":\"1\"},\"cwd\":\"/w\",\"args\":[\"\"],\"executable\":\"x\"},"
        "\"guest\":{\"rootfs\":\"/r\",\"initrd\":\"/i\",\"kernel\":\"/k\"},"
        "\"runner\":{\"path\":\"/p\"},\"runtime_dir\":\"/d\","
        "\"sandbox_id\":\"" SAMPLE_ID "\",\"version\":1}\n ";
    struct firma_contract c = {0};
    struct firma_error err = {0};
    if (firma_contract_decode(text, sizeof text - 1, &c, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(c.sandbox_id, SAMPLE_ID);
    assert_string_equal(c.runtime_dir, "/d");
    assert_string_equal(c.runner_path, "/p");
    assert_string_equal(c.kernel, "/k");
    assert_string_equal(c.initrd, "/i");
    assert_string_equal(c.rootfs, "/r");
    assert_string_equal(c.executable, "x");
    assert_int_equal(c.arg_count, 1);
    assert_string_equal(c.args[0], "");
    assert_string_equal(firma_contract_env(&c, "A"), "1");
    assert_null(firma_contract_env(&c, "C"));
    assert_int_equal(c.identity_mode, FIRMA_HOST_USER);
    assert_null(c.seccomp_filter_path);
    assert_int_equal(c.mount_count, 1);
    assert_false(c.mounts[0].read_only);
    assert_int_equal(firma_contract_proxy_port(&c), 1);
    assert_int_equal(firma_contract_dns_port(&c), 2);
    assert_int_equal(c.invariants[FIRMA_FAIL_CLOSED_STARTUP], FIRMA_DISABLED_BY_POLICY);
    assert_int_equal(c.invariants[FIRMA_DNS_CONFINED], FIRMA_REQUIRED);
    firma_contract_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_contracts_come_back_byte_for_byte),
        cmocka_unit_test(test_invalid_contracts_are_refused_by_field),
        cmocka_unit_test(test_every_invalid_fixture_has_its_line),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_any_changed_byte_is_refused_or_survives_a_round_trip),
        cmocka_unit_test(test_reader_allows_white_space_and_any_key_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
