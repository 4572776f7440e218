/* What firma_launch_prepare() refuses, and what it makes of what it accepts. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bed.h"
#include "firma_contract.h"
#include "launcher/flags.h"

static char *const command[] = {(char *)"/bin/true", (char *)"", (char *)"two words", NULL};

static struct firma_run_options options_of(const struct bed *bed)
{
    struct firma_run_options options;
    firma_run_options_init(&options, bed->environment);
    options.cwd = bed->cwd;
    options.runtime_dir = bed->runtime;
    options.command = command;
    return options;
}

static void expect_refusal(const struct bed *bed, const struct firma_run_options *options, int code,
                           const char *text)
{
    struct firma_launch *launch = NULL;
    struct firma_error err = {0};
    int result = firma_launch_prepare(&launch, options, &err);
    assert_refused(result, err, code, text);
    assert_null(launch);
    assert_true(bed_is_clean(bed));
}

static void refuse(const struct bed *bed, int code, const char *text)
{
    struct firma_run_options options = options_of(bed);
    expect_refusal(bed, &options, code, text);
}

/* Prepares, reads the contract back with the strict reader, and undoes it. */
static void prepare_and_read(const struct firma_run_options *options,
                             struct firma_contract *contract)
{
    struct firma_launch *launch = NULL;
    struct firma_error err = {0};
    if (firma_launch_prepare(&launch, options, &err) < 0)
        fail_msg("%s", err.text);
    const char *text = firma_launch_contract(launch);
    if (firma_contract_decode(text, strlen(text), contract, &err) < 0)
        fail_msg("%s", err.text);
    firma_launch_close(launch);
}

static const char *header_of(const struct firma_contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->header_count; i++) {
        if (strcmp(contract->headers[i].name, name) == 0)
            return contract->headers[i].value;
    }
    return NULL;
}

static void test_L9_flag_words(void **state)
{
    static const struct {
        const char *text;
        int expected; /* -1: refused */
    } cases[] = {
        {NULL, 0},    {"", 0},   {"0", 0},    {"false", 0},    {"no", 0},   {"off", 0},
        {"OFF", 0},   {"1", 1},  {"true", 1}, {"yes", 1},      {"on", 1},   {" True\t", 1},
        {"ture", -1}, {"2", -1}, {"y", -1},   {"enabled", -1}, {"1 1", -1}, {"-1", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool value = cases[i].expected == 0;
        struct firma_error err = {0};
        int result = firma_flag_parse("SOME_FLAG", cases[i].text, &value, &err);
        if (cases[i].expected < 0)
            assert_refused(result, err, FIRMA_E_CONFIG, "SOME_FLAG");
        else
            assert_true(result == 0 && value == (cases[i].expected == 1));
    }
}

static void test_L9_a_misspelt_mode_is_refused(void **state)
{
    bed_set(*state, "FIRMA_RUN_VZ_GUEST", "ture");
    refuse(*state, FIRMA_E_CONFIG, "FIRMA_RUN_VZ_GUEST:");
}

static void test_L9_no_mode_and_the_mode_not_built_are_refused(void **state)
{
    bed_set(*state, "FIRMA_RUN_VZ_GUEST", "off");
    refuse(*state, FIRMA_E_CONFIG, "set FIRMA_RUN_VZ_GUEST=1");
    bed_set(*state, "FIRMA_RUN_VZ_GUEST", "1");
    bed_set(*state, "FIRMA_RUN_VZ_STRUCTURAL_NETWORK", "yes");
    refuse(*state, FIRMA_E_CONFIG, "not built yet");
    bed_set(*state, "FIRMA_RUN_VZ_STRUCTURAL_NETWORK", "maybe");
    refuse(*state, FIRMA_E_CONFIG, "FIRMA_RUN_VZ_STRUCTURAL_NETWORK:");
}

static void test_L6_sandbox_id_of_the_caller_is_refused_even_if_empty(void **state)
{
    bed_set(*state, "FIRMA_RUN_SANDBOX_ID", "01890a5d-ac96-774b-bcce-b302099a8057");
    refuse(*state, FIRMA_E_CONFIG, "FIRMA_RUN_SANDBOX_ID");
    bed_set(*state, "FIRMA_RUN_SANDBOX_ID", "");
    refuse(*state, FIRMA_E_CONFIG, "FIRMA_RUN_SANDBOX_ID");
}

static void test_L1_secrets_of_the_host_never_reach_the_contract(void **state)
{
    static const char *const names[] = {
        "FIRMA_CAPABILITY_TOKEN", "FIRMA_BROKER_ADDR", "FIRMA_SECRET_PROVIDER_NAMES",
        "FIRMA_SECRET_SHIM_SHARE_DIRECTORY", "FIRMA_SECRET_BROKER_SOCKET_PATH"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char pair[128];
        bed_set(*state, names[i], "secret-value");
        struct firma_run_options options = options_of(*state);
        options.pass_env = &names[i];
        options.pass_env_count = 1;
        expect_refusal(*state, &options, FIRMA_E_CONFIG, names[i]);
        snprintf(pair, sizeof pair, "%s=x", names[i]);
        options = options_of(*state);
        options.env = (const char *const[]){pair};
        options.env_count = 1;
        expect_refusal(*state, &options, FIRMA_E_CONFIG, names[i]);
    }
    struct firma_contract contract;
    struct firma_run_options options = options_of(*state);
    prepare_and_read(&options, &contract);
    for (size_t i = 0; i < contract.env_count; i++)
        assert_null(strstr(contract.env[i].value, "secret-value"));
    firma_contract_clear(&contract);
}

static void test_our_own_variables_cannot_be_set(void **state)
{
    static const char *const pairs[] = {
        "HTTP_PROXY=x", "https_proxy=x",    "All_Proxy=x",           "NO_PROXY=x",
        "no_proxy=",    "FIRMA_AGENT_ID=x", "FIRMA_DNS_STUB_ADDR=x", "FIRMA_RUN_PROFILE=x"};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct firma_run_options options = options_of(*state);
        options.env = &pairs[i];
        options.env_count = 1;
        expect_refusal(*state, &options, FIRMA_E_CONFIG, "launcher's own");
    }
}

static void test_L14_guest_environment_is_exactly_the_layers(void **state)
{
    static const char *const env[] = {"A=1", "A=2", "EMPTY=", "PATH=/opt/bin", "EQ=a=b"};
    static const char *const pass[] = {"PASSED"};
    static const char *const expected[] = {"PATH",
                                           "HOME",
                                           "TERM",
                                           "LANG",
                                           "A",
                                           "EMPTY",
                                           "EQ",
                                           "PASSED",
                                           "HTTP_PROXY",
                                           "HTTPS_PROXY",
                                           "ALL_PROXY",
                                           "http_proxy",
                                           "https_proxy",
                                           "all_proxy",
                                           "NO_PROXY",
                                           "no_proxy",
                                           "FIRMA_DNS_STUB_ADDR",
                                           "FIRMA_RUN_SANDBOX_ID",
                                           "FIRMA_RUN_SESSION_ID",
                                           "FIRMA_RUN_PROFILE",
                                           "FIRMA_AGENT_ID"};
    struct firma_contract contract;
    bed_set(*state, "PASSED", "along");
    bed_set(*state, "NOT_PASSED", "x");
    bed_set(*state, "FIRMA_RUN_SESSION_ID", "session-1");
    struct firma_run_options options = options_of(*state);
    options.env = env;
    options.env_count = 5;
    options.pass_env = pass;
    options.pass_env_count = 1;
    options.profile = "p1";
    options.agent_id = "a1";
    prepare_and_read(&options, &contract);
    assert_int_equal(contract.env_count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_non_null(firma_contract_env(&contract, expected[i]));
    assert_string_equal(firma_contract_env(&contract, "A"), "2");
    assert_string_equal(firma_contract_env(&contract, "PATH"), "/opt/bin");
    assert_string_equal(firma_contract_env(&contract, "EQ"), "a=b");
    assert_string_equal(firma_contract_env(&contract, "TERM"), "dumb");
    assert_string_equal(firma_contract_env(&contract, "ALL_PROXY"), contract.proxy_url);
    assert_string_equal(firma_contract_env(&contract, "FIRMA_DNS_STUB_ADDR"),
                        contract.dns_stub_addr);
    assert_string_equal(firma_contract_env(&contract, "FIRMA_RUN_SANDBOX_ID"), contract.sandbox_id);
    assert_string_equal(header_of(&contract, "x-firma-sandbox-id"), contract.sandbox_id);
    assert_string_equal(header_of(&contract, "x-firma-session-id"), "session-1");
    assert_string_equal(header_of(&contract, "x-firma-profile"), "p1");
    assert_string_equal(header_of(&contract, "x-firma-agent"), "a1");
    assert_string_equal(header_of(&contract, "x-firma-user"), "tester");
    assert_int_equal(contract.arg_count, 2);
    assert_string_equal(contract.args[0], "");
    firma_contract_clear(&contract);
}

static void test_pass_env_of_an_unset_variable_is_refused(void **state)
{
    static const char *const pass[] = {"NOT_THERE"};
    struct firma_run_options options = options_of(*state);
    options.pass_env = pass;
    options.pass_env_count = 1;
    expect_refusal(*state, &options, FIRMA_E_CONFIG, "NOT_THERE");
}

static void test_L15_control_characters_never_become_a_header(void **state)
{
    struct firma_run_options options = options_of(*state);
    options.profile = "p\r\nx-firma-user: root";
    expect_refusal(*state, &options, FIRMA_E_CONFIG, "--profile");
    options = options_of(*state);
    options.agent_id = "a\x7f";
    expect_refusal(*state, &options, FIRMA_E_CONFIG, "--agent-id");
    bed_set(*state, "USER", "me\nyou");
    refuse(*state, FIRMA_E_CONFIG, "USER");
    bed_set(*state, "USER", "me");
    bed_set(*state, "FIRMA_RUN_SESSION_ID", "s\r");
    refuse(*state, FIRMA_E_CONFIG, "FIRMA_RUN_SESSION_ID");
}

static void test_headers_without_value_are_left_out(void **state)
{
    struct firma_contract contract;
    bed_set(*state, "USER", NULL);
    struct firma_run_options options = options_of(*state);
    options.profile = "";
    prepare_and_read(&options, &contract);
    assert_int_equal(contract.header_count, 2);
    assert_string_equal(header_of(&contract, "x-firma-user"), "unknown");
    assert_null(firma_contract_env(&contract, "FIRMA_RUN_PROFILE"));
    firma_contract_clear(&contract);
}

/* L10: what the reader would refuse is refused before anything is there. */
static void test_L10_limits_of_the_reader_are_enforced_by_the_writer(void **state)
{
    static const char *env[300];
    char text[300][16];
    for (int i = 0; i < 300; i++) {
        snprintf(text[i], sizeof text[i], "V%d=x", i);
        env[i] = text[i];
    }
    struct firma_run_options options = options_of(*state);
    options.env = env;
    options.env_count = 300;
    expect_refusal(*state, &options, FIRMA_E_CONTRACT, "command.env");
    char *const blank[] = {(char *)" ", NULL};
    options = options_of(*state);
    options.command = blank;
    expect_refusal(*state, &options, FIRMA_E_CONTRACT, "command.executable");
    char *const latin[] = {(char *)"/bin/true", (char *)"caf\xe9", NULL};
    options.command = latin;
    expect_refusal(*state, &options, FIRMA_E_CONTRACT, "command.args[0]");
}

static const char *const variables[] = {"FIRMA_RUN_VZ_GUEST_RUNNER", "FIRMA_RUN_VZ_GUEST_KERNEL",
                                        "FIRMA_RUN_VZ_GUEST_INITRD", "FIRMA_RUN_VZ_GUEST_ROOTFS"};
static const char *const names[] = {"runner", "kernel", "initrd", "rootfs"};

/* Sets up one fault for artifact I; returns the path to configure. */
static const char *break_artifact(const struct bed *bed, size_t i, const char *fault, char *path,
                                  size_t size)
{
    snprintf(path, size, "%s/art/%s", bed->root, names[i]);
    if (strcmp(fault, "unset") == 0)
        return NULL;
    if (strcmp(fault, "empty") == 0)
        return "";
    if (strcmp(fault, "relative") == 0)
        return "art/kernel";
    if (strcmp(fault, "missing") == 0)
        snprintf(path, size, "%s/art/missing", bed->root);
    if (strcmp(fault, "directory") == 0)
        snprintf(path, size, "%s/art", bed->root);
    if (strcmp(fault, "fifo") == 0) {
        snprintf(path, size, "%s/art/fifo", bed->root);
        mkfifo(path, 0755);
    }
    if (strcmp(fault, "socket") == 0) {
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        snprintf(path, size, "%s/art/socket", bed->root);
        snprintf(name.sun_path, sizeof name.sun_path, "%.90s/art/socket", bed->root);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        (void)bind(fd, (struct sockaddr *)&name, sizeof name);
        close(fd);
    }
    if (strcmp(fault, "world-writable") == 0)
        chmod(path, 0757);
    if (strcmp(fault, "group-writable") == 0)
        chmod(path, 0775);
    if (strcmp(fault, "parent-writable") == 0) {
        char parent[300];
        snprintf(parent, sizeof parent, "%s/art", bed->root);
        chmod(parent, 0777);
    }
    return path;
}

static void mend_artifact(const struct bed *bed, size_t i)
{
    char path[400];
    snprintf(path, sizeof path, "%s/art/%s", bed->root, names[i]);
    chmod(path, i == 0 ? 0755 : 0644);
    snprintf(path, sizeof path, "%s/art", bed->root);
    chmod(path, 0755);
    snprintf(path, sizeof path, "%s/art/fifo", bed->root);
    unlink(path);
    snprintf(path, sizeof path, "%s/art/socket", bed->root);
    unlink(path);
}

static void test_every_fault_of_every_artifact_names_its_variable(void **state)
{
    static const struct {
        const char *fault;
        const char *text;
    } faults[] = {
        {"unset", "is not set"},         {"empty", "is not set"},
        {"relative", "absolute"},        {"missing", "No such file"},
        {"directory", "is a directory"}, {"fifo", "is a FIFO"},
        {"socket", "is a socket"},       {"world-writable", "too open"},
        {"group-writable", "too open"},  {"parent-writable", "writable by others"},
    };
    struct bed *bed = *state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) {
            char path[400];
            char start[64];
            bed_set(bed, variables[i], break_artifact(bed, i, faults[k].fault, path, sizeof path));
            snprintf(start, sizeof start, "%s: ", variables[i]);
            /* A directory others may write to is the first artifact's fault as well. */
            bool shared = strcmp(faults[k].fault, "parent-writable") == 0;
            refuse(bed, FIRMA_E_ARTIFACT, shared ? "FIRMA_RUN_VZ_GUEST_RUNNER: " : start);
            refuse(bed, FIRMA_E_ARTIFACT, faults[k].text);
            mend_artifact(bed, i);
        }
        char path[400];
        snprintf(path, sizeof path, "%s/art/%s", bed->root, names[i]);
        bed_set(bed, variables[i], path);
    }
    chmod(bed->runner, 0644);
    refuse(bed, FIRMA_E_ARTIFACT, "FIRMA_RUN_VZ_GUEST_RUNNER: ");
    refuse(bed, FIRMA_E_ARTIFACT, "not executable");
}

static void test_artifacts_behind_links_are_followed(void **state)
{
    struct bed *bed = *state;
    char link[400];
    struct firma_contract contract;
    snprintf(link, sizeof link, "%s/art/link", bed->root);
    assert_int_equal(symlink("kernel", link), 0);
    bed_set(bed, "FIRMA_RUN_VZ_GUEST_KERNEL", link);
    struct firma_run_options options = options_of(bed);
    prepare_and_read(&options, &contract);
    assert_string_equal(contract.kernel, link);
    firma_contract_clear(&contract);
}

/* An "@" in TEMPLATE stands for the bed's root. */
static void mount_refused(const struct bed *bed, const char *template, int code, const char *text)
{
    char mount[800];
    const char *list[] = {mount};
    if (template[0] == '@')
        snprintf(mount, sizeof mount, "%s%s", bed->root, template + 1);
    else
        snprintf(mount, sizeof mount, "%s", template);
    struct firma_run_options options = options_of(bed);
    options.mounts = list;
    options.mount_count = 1;
    expect_refusal(bed, &options, code, text);
}

static void test_R10_reserved_targets_are_refused(void **state)
{
    static const char *const targets[] = {"/",    "/proc", "/sys",  "/dev",       "/etc",
                                          "/run", "/etc/", "//etc", "/etc/../etc"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char mount[64];
        snprintf(mount, sizeof mount, "@/cwd:%s", targets[i]);
        mount_refused(*state, mount, FIRMA_E_CONTRACT, "mounts[0].target");
    }
}

static void test_R10_malformed_mounts_are_refused(void **state)
{
    mount_refused(*state, "@/cwd", FIRMA_E_MOUNT, "SRC:DST");
    mount_refused(*state, "@/cwd:/mnt:rw", FIRMA_E_MOUNT, "SRC:DST");
    mount_refused(*state, "cwd:/mnt", FIRMA_E_MOUNT, "absolute");
    mount_refused(*state, "@/cwd:mnt", FIRMA_E_MOUNT, "absolute");
    mount_refused(*state, "@/missing:/mnt", FIRMA_E_MOUNT, "No such file");
    mount_refused(*state, "@/art/kernel:/mnt", FIRMA_E_MOUNT, "Not a directory");
}

static void test_R10_writable_mounts_near_what_the_launcher_relies_on_are_refused(void **state)
{
    struct bed *bed = *state;
    mount_refused(bed, "@:/mnt", FIRMA_E_MOUNT, "would expose");
    mount_refused(bed, "@/art:/mnt", FIRMA_E_MOUNT, "which the guest must not change");
    mount_refused(bed, "/:/mnt", FIRMA_E_MOUNT, "would expose");
    struct firma_run_options options = options_of(bed);
    options.cwd = bed->root;
    expect_refusal(bed, &options, FIRMA_E_MOUNT, "would expose");
    mkdir(bed->runtime, 0700);
    options.cwd = bed->runtime;
    struct firma_launch *launch = NULL;
    struct firma_error err = {0};
    assert_refused(firma_launch_prepare(&launch, &options, &err), err, FIRMA_E_MOUNT, "/run");
}

static void test_R10_a_link_does_not_hide_where_a_mount_leads(void **state)
{
    struct bed *bed = *state;
    char link[400];
    char target[400];
    snprintf(link, sizeof link, "%s/innocent", bed->root);
    snprintf(target, sizeof target, "%s/art", bed->root);
    assert_int_equal(symlink(target, link), 0);
    mount_refused(bed, "@/innocent:/mnt", FIRMA_E_MOUNT, "/art");
}

static void test_R10_the_sidecars_socket_is_guarded(void **state)
{
    struct bed *bed = *state;
    char address[400];
    snprintf(address, sizeof address, "unix://%s/cwd/sidecar", bed->root);
    bed_set(bed, "FIRMA_RUN_SIDECAR", address);
    refuse(bed, FIRMA_E_MOUNT, "/cwd/sidecar");
}

static void test_R10_mounts_keep_their_order_and_cwd_is_last(void **state)
{
    struct bed *bed = *state;
    struct firma_contract contract;
    char first[400];
    char second[400];
    snprintf(first, sizeof first, "%s/art:/mnt/art:ro", bed->root);
    snprintf(second, sizeof second, "%s:/mnt/cwd", bed->cwd);
    const char *list[] = {first, second};
    struct firma_run_options options = options_of(bed);
    options.mounts = list;
    options.mount_count = 2;
    prepare_and_read(&options, &contract);
    assert_int_equal(contract.mount_count, 3);
    assert_true(contract.mounts[0].read_only);
    assert_string_equal(contract.mounts[0].target, "/mnt/art");
    assert_false(contract.mounts[1].read_only);
    assert_string_equal(contract.mounts[2].source, bed->cwd);
    assert_string_equal(contract.mounts[2].target, bed->cwd);
    assert_false(contract.mounts[2].read_only);
    firma_contract_clear(&contract);
}

static void test_seccomp_filters_are_checked(void **state)
{
    struct bed *bed = *state;
    char path[400];
    struct firma_contract contract;
    snprintf(path, sizeof path, "%s/art/filter", bed->root);
    struct firma_run_options options = options_of(bed);
    options.seccomp = path;
    expect_refusal(bed, &options, FIRMA_E_ARTIFACT, "--seccomp: ");
    bed_write(bed, "filter", "1234567", 0644);
    expect_refusal(bed, &options, FIRMA_E_ARTIFACT, "struct sock_filter");
    bed_write(bed, "filter", "12345678", 0644);
    prepare_and_read(&options, &contract);
    assert_string_equal(contract.seccomp_filter_path, path);
    firma_contract_clear(&contract);
}

static void test_identity_is_one_of_two_words(void **state)
{
    struct firma_contract contract;
    struct firma_run_options options = options_of(*state);
    options.identity = "root";
    expect_refusal(*state, &options, FIRMA_E_CONFIG, "--identity");
    options.identity = "sandbox_user";
    prepare_and_read(&options, &contract);
    assert_int_equal(contract.identity_mode, FIRMA_SANDBOX_USER);
    firma_contract_clear(&contract);
    options.identity = NULL;
    prepare_and_read(&options, &contract);
    assert_int_equal(contract.identity_mode, FIRMA_HOST_USER);
    firma_contract_clear(&contract);
}

/* The order of the checks: with all of them broken, each that is mended uncovers the next. */
static void test_the_first_failure_in_the_order_wins(void **state)
{
    struct bed *bed = *state;
    bed_set(bed, "FIRMA_RUN_VZ_GUEST", "ture");
    bed_set(bed, "FIRMA_RUN_VZ_GUEST_RUNNER", NULL);
    bed_set(bed, "FIRMA_RUN_VZ_GUEST_ROOTFS", NULL);
    bed_set(bed, "FIRMA_RUN_SIDECAR", "tcp://localhost:1");
    struct firma_run_options options = options_of(bed);
    options.cwd = bed->root;
    expect_refusal(bed, &options, FIRMA_E_CONFIG, "FIRMA_RUN_VZ_GUEST:");
    bed_set(bed, "FIRMA_RUN_VZ_GUEST", "1");
    expect_refusal(bed, &options, FIRMA_E_ARTIFACT, "FIRMA_RUN_VZ_GUEST_RUNNER");
    bed_set(bed, "FIRMA_RUN_VZ_GUEST_RUNNER", bed->runner);
    expect_refusal(bed, &options, FIRMA_E_ARTIFACT, "FIRMA_RUN_VZ_GUEST_ROOTFS");
    bed_set(bed, "FIRMA_RUN_VZ_GUEST_ROOTFS", bed->runner);
    options.env_count = 0;
    expect_refusal(bed, &options, FIRMA_E_MOUNT, "would expose");
    options.cwd = bed->cwd;
    expect_refusal(bed, &options, FIRMA_E_CONFIG, "FIRMA_RUN_SIDECAR");
    bed_set(bed, "FIRMA_RUN_SIDECAR", NULL);
    expect_refusal(bed, &options, FIRMA_E_CONFIG, "FIRMA_RUN_SIDECAR: is not set");
}

/* A signal that is pending when the checks are through ends the launch before anything runs. */
static void test_R5_a_pending_signal_ends_the_preparation(void **state)
{
    sigset_t set, before;
    struct firma_launch *launch = NULL;
    struct firma_error err = {0};
    struct firma_run_options options = options_of(*state);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    kill(getpid(), SIGTERM);
    int result = firma_launch_prepare(&launch, &options, &err);
    sigset_t pending;
    sigpending(&pending);
    assert_int_equal(sigismember(&pending, SIGTERM), 0); /* taken, or it would end us now */
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_refused(result, err, FIRMA_E_INTERRUPTED, "SIGTERM");
    assert_int_equal(err.errnum, SIGTERM);
    assert_true(bed_is_clean(*state));
}

static void test_status_descriptors_are_checked(void **state)
{
    struct firma_run_options options = options_of(*state);
    options.status_fd = 1;
    expect_refusal(*state, &options, FIRMA_E_CONFIG, "--status-fd 1");
    options.status_fd = 900;
    expect_refusal(*state, &options, FIRMA_E_CONFIG, "--status-fd 900");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_L9_flag_words),
        BED(test_L9_a_misspelt_mode_is_refused),
        BED(test_L9_no_mode_and_the_mode_not_built_are_refused),
        BED(test_L6_sandbox_id_of_the_caller_is_refused_even_if_empty),
        BED(test_L1_secrets_of_the_host_never_reach_the_contract),
        BED(test_our_own_variables_cannot_be_set),
        BED(test_L14_guest_environment_is_exactly_the_layers),
        BED(test_pass_env_of_an_unset_variable_is_refused),
        BED(test_L15_control_characters_never_become_a_header),
        BED(test_headers_without_value_are_left_out),
        BED(test_L10_limits_of_the_reader_are_enforced_by_the_writer),
        BED(test_every_fault_of_every_artifact_names_its_variable),
        BED(test_artifacts_behind_links_are_followed),
        BED(test_R10_reserved_targets_are_refused),
        BED(test_R10_malformed_mounts_are_refused),
        BED(test_R10_writable_mounts_near_what_the_launcher_relies_on_are_refused),
        BED(test_R10_a_link_does_not_hide_where_a_mount_leads),
        BED(test_R10_the_sidecars_socket_is_guarded),
        BED(test_R10_mounts_keep_their_order_and_cwd_is_last),
        BED(test_seccomp_filters_are_checked),
        BED(test_identity_is_one_of_two_words),
        BED(test_the_first_failure_in_the_order_wins),
        BED(test_R5_a_pending_signal_ends_the_preparation),
        BED(test_status_descriptors_are_checked),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
