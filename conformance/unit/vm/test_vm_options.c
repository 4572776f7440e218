/* machine.json: every key, its bounds, and a refusal that names the field. */
#include "scratch.h"

#include "runner/vm/options.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)

static int read_text(const struct scratch *scratch, const char *text, struct firma_vm_options *out,
                     struct firma_error *err)
{
    *err = (struct firma_error){0};
    scratch_text(scratch, FIRMA_VM_OPTIONS_FILE, text);
    return firma_vm_options_read(scratch->dir, out, err);
}

static void test_defaults_without_a_file(void **state)
{
    const struct scratch *scratch = *state;
    struct firma_vm_options options;
    struct firma_error err = {0};
    assert_int_equal(firma_vm_options_read(scratch->dir, &options, &err), 0);
    assert_int_equal(options.memory_mib, FIRMA_VM_MEMORY_MIB);
    assert_int_equal(options.processors, FIRMA_VM_PROCESSORS);
    assert_int_equal(options.accelerator, FIRMA_VM_AUTO);
    assert_string_equal(options.log_dir, "");
}

static void test_takes_every_key(void **state)
{
    struct firma_vm_options options;
    struct firma_error err;
    assert_int_equal(read_text(*state,
                               "{\"memory_mib\": 2048, \"processors\": 2, \"accelerator\": "
                               "\"tcg\", \"log_dir\": \"/var/log/guests\"}\n",
                               &options, &err),
                     0);
    assert_int_equal(options.memory_mib, 2048);
    assert_int_equal(options.processors, 2);
    assert_int_equal(options.accelerator, FIRMA_VM_TCG);
    assert_string_equal(options.log_dir, "/var/log/guests");
    assert_int_equal(read_text(*state, "{\"accelerator\": \"kvm\"}", &options, &err), 0);
    assert_int_equal(options.accelerator, FIRMA_VM_KVM);
    assert_int_equal(options.memory_mib, FIRMA_VM_MEMORY_MIB);
}

static void test_refusals_name_the_field(void **state)
{
    static const struct {
        const char *text, *field;
    } cases[] = {
        {"{\"memory_mib\": 191}", "memory_mib"},
        {"{\"memory_mib\": 1048577}", "memory_mib"},
        {"{\"memory_mib\": \"1024\"}", "memory_mib"},
        {"{\"memory_mib\": 1024.0}", "memory_mib"},
        {"{\"processors\": 0}", "processors"},
        {"{\"processors\": 65}", "processors"},
        {"{\"processors\": -1}", "processors"},
        {"{\"accelerator\": \"KVM\"}", "accelerator"},
        {"{\"accelerator\": true}", "accelerator"},
        {"{\"log_dir\": \"logs\"}", "log_dir"},
        {"{\"log_dir\": \"/var/../logs\"}", "log_dir"},
        {"{\"log_dir\": null}", "log_dir"},
        {"{\"network\": \"user\"}", "network"},
        {"{\"processors\": 1, \"processors\": 2}", FIRMA_VM_OPTIONS_FILE},
        {"{} x", FIRMA_VM_OPTIONS_FILE},
        {"[]", "must be an object"},
        {"", FIRMA_VM_OPTIONS_FILE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct firma_vm_options options;
        struct firma_error err;
        assert_int_equal(read_text(*state, cases[i].text, &options, &err), -FIRMA_E_CONFIG);
        assert_non_null(strstr(err.text, cases[i].field));
    }
}

static void test_custody(void **state)
{
    const struct scratch *scratch = *state;
    struct firma_vm_options options;
    struct firma_error err = {0};
    scratch_write(scratch, FIRMA_VM_OPTIONS_FILE, 0666, "{}", 2);
    assert_int_equal(firma_vm_options_read(scratch->dir, &options, &err), -FIRMA_E_CUSTODY);
    unlinkat(scratch->dir, FIRMA_VM_OPTIONS_FILE, 0);
    assert_int_equal(symlinkat("/dev/null", scratch->dir, FIRMA_VM_OPTIONS_FILE), 0);
    assert_int_equal(firma_vm_options_read(scratch->dir, &options, &err), -FIRMA_E_CUSTODY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults_without_a_file),
        TEST(test_takes_every_key),
        TEST(test_refusals_name_the_field),
        TEST(test_custody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
