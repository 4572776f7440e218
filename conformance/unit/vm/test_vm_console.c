/* What a machine prints: kept to a bound, remembered to its last line, never in the way. */
#include "scratch.h"

#include <poll.h>

#include "runner/vm/console.h"
#include "runner/vm/machine.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)

static struct firma_vm_console start(const struct scratch *scratch)
{
    struct firma_contract contract = {.runtime_dir = (char *)(uintptr_t)scratch->path};
    const struct firma_vm_options options = {.log_dir = ""};
    struct firma_vm_console console;
    struct firma_error err = {0};
    assert_int_equal(firma_vm_console_open(&contract, &options, &console, &err), 0);
    return console;
}

static void say(const struct firma_vm_console *console, const char *text)
{
    assert_int_equal(write(console->output, text, strlen(text)), strlen(text));
}

static void test_the_last_line_is_what_matters(void **state)
{
    struct firma_vm_console console = start(*state);
    assert_string_equal(firma_vm_console_last(&console), "");
    say(&console,
        "first\r\nKernel panic - not syncing: \033[31mno init\033c\033[?7l\033[2J\r\n\n   \n");
    assert_string_equal(firma_vm_console_last(&console), "Kernel panic - not syncing: no init");
    say(&console, "half a line");
    assert_string_equal(firma_vm_console_last(&console), "Kernel panic - not syncing: no init");
    firma_vm_console_close(&console);
}

static void test_without_a_panic_half_a_line_will_do(void **state)
{
    struct firma_vm_console console = start(*state);
    say(&console, "first\nhalf a line");
    assert_string_equal(firma_vm_console_last(&console), "half a line");
    firma_vm_console_close(&console);
}

static void test_a_guest_cannot_fill_the_disk(void **state)
{
    static char noise[4096];
    const struct scratch *scratch = *state;
    struct firma_vm_console console = start(scratch);
    struct stat info;
    memset(noise, 'x', sizeof noise);
    for (size_t sent = 0; sent < 2u * FIRMA_VM_LOG_MAX; sent += sizeof noise) {
        assert_int_equal(write(console.output, noise, sizeof noise), sizeof noise);
        assert_true(firma_vm_console_serve(&console));
    }
    say(&console, "\nthe end\n");
    assert_string_equal(firma_vm_console_last(&console), "the end");
    assert_int_equal(fstatat(scratch->dir, FIRMA_VM_LOG_NAME, &info, 0), 0);
    assert_in_range(info.st_size, FIRMA_VM_LOG_MAX, FIRMA_VM_LOG_MAX + 200);
    assert_int_equal(info.st_mode & 0777, 0600);
    firma_vm_console_close(&console);
}

static void test_nobody_left_is_no_busy_loop(void **state)
{
    struct firma_vm_console console = start(*state);
    close(console.output);
    console.output = -1;
    assert_false(firma_vm_console_serve(&console));
    struct pollfd polled = {.fd = console.input, .events = POLLIN};
    assert_int_equal(poll(&polled, 1, 0), 0);
    firma_vm_console_close(&console);
}

static void test_a_log_dir_keeps_one_log_a_launch(void **state)
{
    const struct scratch *scratch = *state;
    struct firma_mount mount = {.source = (char *)(uintptr_t)scratch->path,
                                .target = (char *)(uintptr_t) "/x"};
    struct firma_contract contract = {.runtime_dir = (char *)(uintptr_t)scratch->path,
                                      .sandbox_id = "0190aaaa-0000-7000-8000-000000000000"};
    struct firma_vm_options options = {.log_dir = ""};
    struct firma_vm_console console;
    struct firma_error err = {0};
    snprintf(options.log_dir, sizeof options.log_dir, "%s", scratch->path);
    contract.mounts = &mount;
    contract.mount_count = 1;
    assert_int_equal(firma_vm_console_open(&contract, &options, &console, &err), -FIRMA_E_MOUNT);
    mount.read_only = true;
    assert_int_equal(firma_vm_console_open(&contract, &options, &console, &err), 0);
    assert_int_equal(faccessat(scratch->dir, "0190aaaa-0000-7000-8000-000000000000.log", F_OK, 0),
                     0);
    firma_vm_console_close(&console);
    assert_int_equal(firma_vm_console_open(&contract, &options, &console, &err), -FIRMA_E_SYSTEM);
    assert_int_equal(chmod(scratch->path, 0755), 0);
    assert_int_equal(firma_vm_console_open(&contract, &options, &console, &err), -FIRMA_E_CUSTODY);
}

static void test_times_name_what_came_to_pass(void **state)
{
    char text[FIRMA_VM_TIMES_TEXT];
    struct firma_vm_times times = {.at = {[FIRMA_VM_BEGUN] = 1000}};
    (void)state;
    firma_vm_times_render(&times, text);
    assert_string_equal(text, "");
    times.at[FIRMA_VM_VERIFIED] = 1200;
    times.at[FIRMA_VM_OVER] = 1250;
    firma_vm_times_render(&times, text);
    assert_string_equal(text, "images 200 ms, run 50 ms");
}

/* A finding is about one accelerator on one boot of the host. */
static void test_findings(void **state)
{
    const struct scratch *scratch = *state;
    assert_int_equal(firma_vm_accelerator_known(scratch->dir, FIRMA_VM_KVM), FIRMA_VM_UNKNOWN);
    firma_vm_accelerator_learn(scratch->dir, FIRMA_VM_KVM, false);
    assert_int_equal(firma_vm_accelerator_known(scratch->dir, FIRMA_VM_KVM), FIRMA_VM_FAILS);
    assert_int_equal(firma_vm_accelerator_known(scratch->dir, FIRMA_VM_HVF), FIRMA_VM_UNKNOWN);
    firma_vm_accelerator_learn(scratch->dir, FIRMA_VM_KVM, true);
    assert_int_equal(firma_vm_accelerator_known(scratch->dir, FIRMA_VM_KVM), FIRMA_VM_WORKS);
    scratch_write(scratch, "accelerator", 0600, "00000000-0000-0000-0000-000000000000 kvm works\n",
                  47);
    assert_int_equal(firma_vm_accelerator_known(scratch->dir, FIRMA_VM_KVM), FIRMA_VM_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_last_line_is_what_matters),
        TEST(test_without_a_panic_half_a_line_will_do),
        TEST(test_a_guest_cannot_fill_the_disk),
        TEST(test_nobody_left_is_no_busy_loop),
        TEST(test_a_log_dir_keeps_one_log_a_launch),
        TEST(test_times_name_what_came_to_pass),
        TEST(test_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
