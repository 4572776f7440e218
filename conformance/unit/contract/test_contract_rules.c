/* The rules as the writer meets them: nothing is written that the reader would refuse. Functions
 * named test_L<n>_ hold a line of the project's list of defects seen in the field. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"

static void assert_round_trip(const struct firma_contract *contract)
{
    struct firma_error err = {0};
    struct firma_contract again = {0};
    char *text = NULL;
    size_t length = 0;
    if (firma_contract_encode(contract, &text, &length, &err) < 0)
        fail_msg("not written: %s", err.text);
    assert_int_equal(strlen(text), length);
    if (firma_contract_decode(text, length, &again, &err) < 0)
        fail_msg("not read back: %s", err.text);
    assert_int_equal(again.arg_count, contract->arg_count);
    assert_int_equal(again.env_count, contract->env_count);
    assert_int_equal(again.mount_count, contract->mount_count);
    assert_int_equal(again.header_count, contract->header_count);
    firma_contract_clear(&again);
    free(text);
}

static void test_sample_round_trip(void **state)
{
    (void)state;
    struct firma_contract c = sample_contract();
    assert_round_trip(&c);
    assert_int_equal(firma_contract_proxy_port(&c), 41001);
    assert_int_equal(firma_contract_dns_port(&c), 41002);
    firma_contract_clear(&c);
    firma_contract_clear(&c);
    firma_contract_clear(NULL);
}

static void test_writer_sorts_map_keys_by_byte(void **state)
{
    (void)state;
    static const char *const order[] = {"\"A\"", "\"HOME\"", "\"PATH\"",
                                        "\"_\"", "\"a\"",    "\"\xc3\xa9\""};
    struct firma_contract c = sample_contract(); /* has PATH before HOME */
    char *text = NULL;
    size_t length = 0;
    firma_contract_set_env(&c, "\xc3\xa9", "", NULL);
    firma_contract_set_env(&c, "a", "", NULL);
    firma_contract_set_env(&c, "_", "", NULL);
    firma_contract_set_env(&c, "A", "", NULL);
    assert_int_equal(firma_contract_encode(&c, &text, &length, NULL), 0);
    const char *at = strstr(text, "\"env\": {\n      \"A\"");
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        assert_non_null(at);
        at = strstr(at, order[i]);
    }
    assert_non_null(at);
    at = strstr(text, "\"attribution_headers\": {\n      \"x-firma-sandbox-id\"");
    assert_non_null(at);                        /* the sample sets x-firma-user first */
    assert_string_equal(c.env[0].name, "PATH"); /* the contract itself keeps its order */
    free(text);
    firma_contract_clear(&c);
}

static void test_empty_contract_names_its_first_field(void **state)
{
    (void)state;
    struct firma_contract c = {0};
    assert_refused(&c, "sandbox_id: ");
    memcpy(c.sandbox_id, SAMPLE_ID, sizeof c.sandbox_id);
    assert_refused(&c, "runtime_dir: is missing");
}

static void test_L1_secrets_never_enter_a_contract(void **state)
{
    (void)state;
    static const char *const names[] = {
        "FIRMA_CAPABILITY_TOKEN",          "FIRMA_BROKER_ADDR",
        "FIRMA_SECRET_PROVIDER_NAMES",     "FIRMA_SECRET_SHIM_SHARE_DIRECTORY",
        "FIRMA_SECRET_BROKER_SOCKET_PATH",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct firma_contract c = sample_contract();
        firma_contract_set_env(&c, names[i], "hunter2", NULL);
        struct firma_error err = {0};
        assert_refused(&c, names[i]);
        assert_int_equal(firma_contract_validate(&c, &err), -FIRMA_E_CONTRACT);
        assert_null(strstr(err.text, "hunter2"));
        firma_contract_clear(&c);
    }
}

static void test_L3_dns_stub_must_be_loopback(void **state)
{
    (void)state;
    static const char *const bad[] = {"8.8.8.8:53",   "0.0.0.0:53",  "127.0.0.2:53",   "[::1]:53",
                                      "localhost:53", "127.0.0.1:0", "127.0.0.1:65536"};
    struct firma_contract c = sample_contract();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sample_set(&c.dns_stub_addr, bad[i]);
        assert_refused(&c, "network.dns_stub_addr: must be 127.0.0.1:PORT");
    }
    firma_contract_clear(&c);
}

static void test_L4_header_identity_equals_sandbox_id(void **state)
{
    (void)state;
    struct firma_contract c = sample_contract();
    firma_contract_set_header(&c, "x-firma-sandbox-id", "01900000-0000-7000-8000-000000000002",
                              NULL);
    assert_refused(&c, "network.attribution_headers.x-firma-sandbox-id: differs");
    firma_contract_set_header(&c, "x-firma-sandbox-id", SAMPLE_ID, NULL);
    assert_int_equal(firma_contract_validate(&c, NULL), 0);
    firma_contract_set_header(&c, "X-FIRMA-Sandbox-ID", SAMPLE_ID, NULL);
    assert_refused(&c, "network.attribution_headers.X-FIRMA-Sandbox-ID: duplicate header");
    firma_contract_clear(&c);
}

static void test_L5_sandbox_id_must_be_uuid7(void **state)
{
    (void)state;
    static const char *const bad[] = {"../outside", "", "01900000-0000-4000-8000-000000000001",
                                      "01900000-0000-7000-7000-000000000001",
                                      "01900000-0000-7000-8000-00000000000/"};
    struct firma_contract c = sample_contract();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(c.sandbox_id, sizeof c.sandbox_id, "%s", bad[i]);
        assert_refused(&c, "sandbox_id: ");
    }
    memset(c.sandbox_id, '0', sizeof c.sandbox_id); /* no NUL */
    assert_refused(&c, "sandbox_id: ");
    firma_contract_clear(&c);
}

struct text_limit {
    size_t offset;
    const char *prefix;
    size_t limit;
    const char *field;
};

/* Texts whose content may be any: the limit itself passes, one byte more is named and refused. */
static void test_L10_writer_enforces_text_limits(void **state)
{
    (void)state;
#define AT(name) offsetof(struct firma_contract, name)
    static const struct text_limit limits[] = {
        {AT(runtime_dir), "/", 4096, "runtime_dir"},
        {AT(runner_path), "/", 4096, "runner.path"},
        {AT(kernel), "/", 4096, "guest.kernel"},
        {AT(initrd), "/", 4096, "guest.initrd"},
        {AT(rootfs), "/", 4096, "guest.rootfs"},
        {AT(executable), "", 4096, "command.executable"},
        {AT(seccomp_filter_path), "/", 4096, "command.seccomp_filter_path"},
    };
#undef AT
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct firma_contract c = sample_contract();
        char **field = (char **)((char *)&c + limits[i].offset);
        char message[128];
        char *text = sample_repeat(limits[i].prefix, 'a', limits[i].limit);
        size_t extra = strlen(text) - limits[i].limit;
        snprintf(message, sizeof message, "%s: has %zu bytes; the limit is %zu", limits[i].field,
                 limits[i].limit + 1, limits[i].limit);
        text[strlen(text) - extra] = '\0';
        sample_set(field, text);
        assert_round_trip(&c);
        free(text);
        text = sample_repeat(limits[i].prefix, 'a', limits[i].limit + 1 - strlen(limits[i].prefix));
        sample_set(field, text);
        assert_refused(&c, message);
        free(text);
        firma_contract_clear(&c);
    }
}

static void test_L10_writer_enforces_limits_of_args(void **state)
{
    (void)state;
    struct firma_contract c = sample_contract();
    char *text = sample_repeat("", 'x', 4096);
    firma_contract_add_arg(&c, "", NULL); /* an empty argument is legal, written and read */
    firma_contract_add_arg(&c, text, NULL);
    while (c.arg_count < 256)
        firma_contract_add_arg(&c, "a", NULL);
    assert_round_trip(&c);
    firma_contract_add_arg(&c, "a", NULL);
    assert_refused(&c, "command.args: has 257 entries; the limit is 256");
    firma_contract_clear(&c);
    free(text);
    c = sample_contract();
    text = sample_repeat("", 'x', 4097);
    firma_contract_add_arg(&c, text, NULL);
    assert_refused(&c, "command.args[2]: has 4097 bytes");
    firma_contract_clear(&c);
    free(text);
}

static void test_L10_writer_enforces_limits_of_env(void **state)
{
    (void)state;
    struct firma_contract c = sample_contract();
    char *key = sample_repeat("", 'K', 256);
    char *value = sample_repeat("", 'v', 8192);
    firma_contract_set_env(&c, key, value, NULL);
    for (int i = 0; c.env_count < 256; i++) {
        char name[16];
        snprintf(name, sizeof name, "V%d", i);
        firma_contract_set_env(&c, name, "", NULL);
    }
    assert_round_trip(&c);
    firma_contract_set_env(&c, "ONE_MORE", "", NULL);
    assert_refused(&c, "command.env: has 257 entries; the limit is 256");
    firma_contract_clear(&c);
    free(key);
    free(value);
    key = sample_repeat("", 'K', 257);
    value = sample_repeat("", 'v', 8193);
    c = sample_contract();
    firma_contract_set_env(&c, "BIG", value, NULL);
    assert_refused(&c, "command.env.BIG: has 8193 bytes; the limit is 8192");
    firma_contract_set_env(&c, "BIG", "", NULL);
    firma_contract_set_env(&c, key, "", NULL);
    assert_refused(&c, "name has 257 bytes; the limit is 256");
    firma_contract_clear(&c);
    free(key);
    free(value);
}

/* Everything at its limit fits into a file the reader takes; what escapes make longer does not. */
static void test_L10_writer_enforces_the_size_of_the_file(void **state)
{
    (void)state;
    for (int escaped = 0; escaped < 2; escaped++) {
        struct firma_contract c = sample_contract();
        char *arg = sample_repeat("", escaped ? '\x01' : 'a', 4096);
        while (c.arg_count < 256)
            firma_contract_add_arg(&c, arg, NULL);
        char *value = sample_repeat("", 'v', 8192);
        for (int i = 0; c.env_count < 256; i++) {
            char number[16];
            snprintf(number, sizeof number, "%d", i);
            char *key = sample_repeat(number, 'K', 256 - strlen(number));
            firma_contract_set_env(&c, key, value, NULL);
            free(key);
        }
        struct firma_error err = {0};
        char *text = NULL;
        size_t length = 0;
        if (!escaped)
            assert_round_trip(&c);
        else
            assert_int_equal(firma_contract_encode(&c, &text, &length, &err), -FIRMA_E_CONTRACT);
        assert_true(!escaped || strstr(err.text, "the limit is 4194304") != NULL);
        firma_contract_clear(&c);
        free(arg);
        free(value);
    }
}

static void test_reader_refuses_a_file_over_the_limit(void **state)
{
    (void)state;
    struct firma_contract c = {0};
    struct firma_error err = {0};
    char *text = sample_repeat("{", ' ', FIRMA_CONTRACT_MAX_BYTES);
    assert_int_equal(firma_contract_decode(text, FIRMA_CONTRACT_MAX_BYTES + 1, &c, &err),
                     -FIRMA_E_CONTRACT);
    assert_names(&err, "the limit is 4194304");
    assert_int_equal(firma_contract_decode(text, FIRMA_CONTRACT_MAX_BYTES, &c, &err),
                     -FIRMA_E_CONTRACT);
    assert_names(&err, "ends too early");
    free(text);
}

static void test_L10_writer_names_text_json_cannot_carry(void **state)
{
    (void)state;
    struct firma_contract c = sample_contract();
    firma_contract_add_arg(&c, "ok", NULL);
    firma_contract_add_arg(&c, "\xff\xfe", NULL);
    assert_refused(&c, "command.args[3]: is not valid UTF-8");
    firma_contract_clear(&c);
    c = sample_contract();
    firma_contract_set_env(&c, "NAME", "\xc0\x80", NULL);
    assert_refused(&c, "command.env.NAME: is not valid UTF-8");
    firma_contract_clear(&c);
    c = sample_contract();
    firma_contract_set_env(&c, "N\xffME", "", NULL);
    assert_refused(&c, "command.env.N?ME: name is not valid UTF-8");
    firma_contract_clear(&c);
    c = sample_contract();
    sample_set(&c.kernel, "/boot/\xe9");
    assert_refused(&c, "guest.kernel: is not valid UTF-8");
    firma_contract_clear(&c);
}

static void test_L10_writer_refuses_duplicate_names(void **state)
{
    (void)state;
    struct firma_contract c = sample_contract();
    firma_contract_set_env(&c, "HOME", "/elsewhere", NULL); /* replaces */
    assert_int_equal(c.env_count, 2);
    assert_string_equal(firma_contract_env(&c, "HOME"), "/elsewhere");
    sample_set(&c.env[1].name, "PATH");
    assert_refused(&c, "command.env.PATH: duplicate key");
    firma_contract_clear(&c);
}

static void test_L15_headers_hold_no_control_character(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "dev\r\nx-firma-user: root", "dev\n", "\r", "\t", "\x1b[0m", "\x7f", "a\xc2\x85"};
    struct firma_contract c = sample_contract();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        firma_contract_set_header(&c, "x-firma-user", bad[i], NULL);
        if (i == 2 || i == 3) /* nothing but white space is blank before it is anything else */
            assert_refused(&c, "network.attribution_headers.x-firma-user: must not be blank");
        else
            assert_refused(&c, "network.attribution_headers.x-firma-user: must not hold a control");
    }
    firma_contract_set_header(&c, "x-firma-user", "dev", NULL);
    firma_contract_set_header(&c, "x-firma-a\r\nb", "v", NULL);
    assert_refused(&c, "network.attribution_headers.x-firma-a??b: must be an HTTP field name");
    firma_contract_clear(&c);
}

static void test_modes_out_of_range_are_refused(void **state)
{
    (void)state;
    struct firma_contract c = sample_contract();
    c.identity_mode = (enum firma_identity_mode)2;
    assert_refused(&c, "command.identity_mode: ");
    c.identity_mode = FIRMA_HOST_USER;
    for (size_t i = 0; i < FIRMA_INVARIANT_COUNT; i++) {
        char field[32];
        snprintf(field, sizeof field, "invariants[%zu].mode: ", i);
        c.invariants[i] = FIRMA_DISABLED_BY_POLICY;
        if (i == FIRMA_FAIL_CLOSED_STARTUP)
            assert_round_trip(&c);
        else
            assert_refused(&c, field);
        c.invariants[i] = (enum firma_invariant_mode)2;
        assert_refused(&c, field);
        c.invariants[i] = FIRMA_REQUIRED;
    }
    assert_null(firma_invariant_name(FIRMA_INVARIANT_COUNT));
    firma_contract_clear(&c);
}

struct mount_case {
    const char *source;
    bool read_only;
    const char *refused_for; /* NULL: allowed */
};

static void test_writable_mounts_stay_away_from_guarded_paths(void **state)
{
    (void)state;
    static const char *const guarded[] = {"/run/user/1000/firma-run/launch-1", NULL,
                                          "/opt/firma/bin", "/opt/firma/guest/vmlinux"};
    static const struct mount_case cases[] = {
        {"/home/dev/project", false, NULL},
        {"/opt/firma/binary", false, NULL}, /* a prefix of the name is not a parent */
        {"/opt/firma/guest/vmlinux.old", false, NULL},
        {"/opt/firma/bin", false, "/opt/firma/bin"},
        {"/opt/firma/bin/plugins", false, "/opt/firma/bin"},
        {"/opt/firma", false, "/opt/firma/bin"},
        {"/opt/firma", true, NULL},
        {"/", false, "/run/user/1000/firma-run/launch-1"},
        {"/opt/firma/guest", false, "/opt/firma/guest/vmlinux"},
        {"/run/user/1000/firma-run/launch-1/x", false, "/run/user/1000/firma-run/launch-1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct firma_mount mounts[2] = {{(char *)"/srv", (char *)"/srv", false},
                                        {(char *)cases[i].source, (char *)"/x", false}};
        mounts[1].read_only = cases[i].read_only;
        struct firma_error err = {0};
        int result = firma_contract_check_mounts(mounts, 2, guarded, 4, &err);
        if (result != (cases[i].refused_for != NULL ? -FIRMA_E_MOUNT : 0))
            fail_msg("%s: %d %s", cases[i].source, result, err.text);
        if (result < 0) {
            assert_names(&err, "mounts[1].source: ");
            assert_names(&err, cases[i].source);
            assert_names(&err, cases[i].refused_for);
        }
    }
}

/* jansson's allocator, failing once after a number of calls. cmocka runs tests one by one. */
static int calls_left;

static void *failing_malloc(size_t size)
{
    return calls_left-- == 0 ? NULL : malloc(size);
}

static void test_writer_reports_every_failed_allocation(void **state)
{
    (void)state;
    struct firma_contract c = sample_contract();
    int failures = 0;
    int result = -1;
    json_set_alloc_funcs(failing_malloc, free);
    while (result < 0 && failures < 2000) {
        struct firma_error err = {0};
        char *text = NULL;
        size_t length = 0;
        calls_left = failures;
        result = firma_contract_encode(&c, &text, &length, &err);
        if (result < 0 && (err.code != FIRMA_E_MEMORY || text != NULL))
            break;
        failures += result < 0;
        free(text);
    }
    json_set_alloc_funcs(malloc, free);
    firma_contract_clear(&c);
    assert_int_equal(result, 0);
    assert_true(failures > 50);
}

/* jansson reports some of its own as a syntax error; nothing may leak or be taken half. */
static void test_reader_accepts_nothing_after_a_failed_allocation(void **state)
{
    (void)state;
    struct firma_contract c = sample_contract();
    char *text = NULL;
    size_t length = 0;
    int failures = 0;
    int result = -1;
    assert_int_equal(firma_contract_encode(&c, &text, &length, NULL), 0);
    firma_contract_clear(&c);
    json_set_alloc_funcs(failing_malloc, free);
    while (result < 0 && failures < 2000) {
        struct firma_error err = {0};
        calls_left = failures;
        result = firma_contract_decode(text, length, &c, &err);
        if (result < 0 && (c.runtime_dir != NULL || err.text[0] == '\0'))
            break;
        failures += result < 0;
    }
    json_set_alloc_funcs(malloc, free);
    firma_contract_clear(&c);
    free(text);
    assert_int_equal(result, 0);
    assert_true(failures > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_round_trip),
        cmocka_unit_test(test_writer_sorts_map_keys_by_byte),
        cmocka_unit_test(test_empty_contract_names_its_first_field),
        cmocka_unit_test(test_L1_secrets_never_enter_a_contract),
        cmocka_unit_test(test_L3_dns_stub_must_be_loopback),
        cmocka_unit_test(test_L4_header_identity_equals_sandbox_id),
        cmocka_unit_test(test_L5_sandbox_id_must_be_uuid7),
        cmocka_unit_test(test_L10_writer_enforces_text_limits),
        cmocka_unit_test(test_L10_writer_enforces_limits_of_args),
        cmocka_unit_test(test_L10_writer_enforces_limits_of_env),
        cmocka_unit_test(test_L10_writer_enforces_the_size_of_the_file),
        cmocka_unit_test(test_L10_writer_names_text_json_cannot_carry),
        cmocka_unit_test(test_L10_writer_refuses_duplicate_names),
        cmocka_unit_test(test_reader_refuses_a_file_over_the_limit),
        cmocka_unit_test(test_L15_headers_hold_no_control_character),
        cmocka_unit_test(test_modes_out_of_range_are_refused),
        cmocka_unit_test(test_writable_mounts_stay_away_from_guarded_paths),
        cmocka_unit_test(test_writer_reports_every_failed_allocation),
        cmocka_unit_test(test_reader_accepts_nothing_after_a_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
