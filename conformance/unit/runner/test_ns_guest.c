/* What the command finds around itself in a namespace runner's guest. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "scene.h"

static void set_env(struct scene *scene, const char *name, const char *value)
{
    struct firma_error err;
    assert_int_equal(firma_contract_set_env(&scene->contract, name, value, &err), 0);
}

static void test_environment_is_exactly_the_contracts(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    set_env(scene, "EMPTY", "");
    set_env(scene, "LINES", "one\ntwo = three");
    setenv("FIRMA_NOT_FOR_THE_GUEST", "secret", 1);
    SCENE_RUN(scene, &outcome, "env", "-0");
    unsetenv("FIRMA_NOT_FOR_THE_GUEST");
    static const char expected[] = "EMPTY=\0LINES=one\ntwo = three\0PATH=/usr/bin:/bin";
    assert_exit(&outcome, 0);
    assert_int_equal(outcome.out_size, sizeof expected);
    assert_memory_equal(outcome.out, expected, sizeof expected);
}

static void test_arguments_are_byte_exact(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, HELPER, "arguments", "", "a b", "new\nline", "\"'$(x)`y`\\",
              "\303\244");
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, "0:;3:a b;8:new\nline;10:\"'$(x)`y`\\;2:\303\244;");
}

static void loosen_umask(void)
{
    umask(0);
}

static void test_cwd_and_umask(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    scene->prepare = loosen_umask;
    SCENE_RUN(scene, &outcome, "sh", "-c", "pwd -P; umask; echo made >file");
    char expected[256];
    snprintf(expected, sizeof expected, "%s\n0022\n", scene->cwd);
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, expected);
    struct stat info;
    assert_int_equal(stat(scene_path(scene, "cwd/file"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0644);
    assert_int_equal(info.st_uid, geteuid());
}

static void check_identity(struct scene *scene, uid_t uid, gid_t gid)
{
    struct outcome outcome;
    char expected[256];
    SCENE_RUN(scene, &outcome, "sh", "-c",
              "id -u; id -g; grep -hE '^(Cap|NoNewPrivs)' /proc/self/status | tr -d '\\t'");
    snprintf(expected, sizeof expected,
             "%u\n%u\nCapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\n"
             "CapBnd:0000000000000000\nCapAmb:0000000000000000\nNoNewPrivs:1\n",
             uid, gid);
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, expected);
}

static void test_R9_host_user_is_the_launchers_user(void **state)
{
    struct scene *scene = *state;
    scene->contract.identity_mode = FIRMA_HOST_USER;
    check_identity(scene, geteuid(), getegid());
}

static void test_R9_sandbox_user_is_nobody(void **state)
{
    struct scene *scene = *state;
    scene->contract.identity_mode = FIRMA_SANDBOX_USER;
    check_identity(scene, 65534, 65534);
    struct outcome outcome;
    SCENE_RUN(scene, &outcome, "sh", "-c", "for g in $(id -G); do echo $g; done | sort -u");
    assert_string_equal(outcome.out, "65534\n");
}

/* With rights in a namespace of its own, which the system grants to any id but a mapped 0, the
 * command tries again: then "inside" shows that it had them. */
static void check_read_only(struct scene *scene, bool inside)
{
    struct outcome outcome;
    SCENE_RUN(scene, &outcome, "sh", "-c",
              ONLY_IN_GUEST
              "for d in / /usr /etc /helper /dev /run /proc/sys /opt; do "
              "(: >$d/firma-test) 2>/dev/null; [ -e $d/firma-test ] && echo $d; done; "
              "unshare -Urm sh -c 'mount -t tmpfs none /dev/shm && echo inside; "
              "for d in /usr /helper /etc/ssl /proc/sys; do "
              "mount -o remount,rw,bind $d && echo remounted $d; umount $d && echo bared $d; done; "
              "mount -t proc proc /tmp && echo proc' 2>/dev/null; "
              "echo w >/tmp/w && echo w >/dev/shm/w && echo w >w && cat /tmp/w /dev/shm/w w");
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, inside ? "inside\nw\nw\nw\n" : "w\nw\nw\n");
}

static void test_read_only_stays_read_only(void **state)
{
    struct scene *scene = *state;
    scene->contract.identity_mode = FIRMA_HOST_USER;
    check_read_only(scene, geteuid() != 0);
    scene->contract.identity_mode = FIRMA_SANDBOX_USER;
    check_read_only(scene, true);
}

/* Appends KIND and each of NAMES (with blanks between) that this machine's /proc has. */
static void expect_masked(char *text, size_t size, const char *kind, const char *names)
{
    char copy[256], path[64];
    char *rest = NULL;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok_r(copy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        size_t used = strlen(text);
        snprintf(path, sizeof path, "/proc/%s", name);
        if (access(path, F_OK) == 0)
            snprintf(text + used, size - used, "%s %s\n", kind, name);
    }
}

#define MASKED_FILES                                                                               \
    "kcore kmsg keys key-users timer_list sched_debug kallsyms kpagecount kpageflags "             \
    "kpagecgroup vmallocinfo slabinfo"
#define MASKED_DIRECTORIES "scsi acpi asound driver"

/* All of them that there are: none that could not be covered is left as it is. */
static void test_what_tells_about_the_machine_is_masked(void **state)
{
    struct outcome outcome;
    char expected[1024] = "";
    expect_masked(expected, sizeof expected, "file", MASKED_FILES);
    expect_masked(expected, sizeof expected, "directory", MASKED_DIRECTORIES);
    assert_string_not_equal(expected, "");
    SCENE_RUN(*state, &outcome, "sh", "-c",
              "for f in " MASKED_FILES "; do [ -c /proc/$f ] && echo file $f; done; "
              "for d in " MASKED_DIRECTORIES "; do "
              "[ -d /proc/$d ] && [ -z \"$(ls -A /proc/$d)\" ] && "
              "[ \"$(stat -f -c %T /proc/$d)\" != proc ] && echo directory $d; done; true");
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, expected);
}

static void test_nothing_else_of_the_host_is_visible(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    static const char seen[] = "cwd\n/run:\n\n/var/run/:\nguest\nfirma-ns-runner";
    char text[1024];
    snprintf(text, sizeof text,
             "ls -A %s; ls -A /run /var/run/; ls -d /home /root /var/lib /sys /boot 2>/dev/null; "
             "hostname; cat /proc/1/cmdline | tr -d '\\0'; ls -d /proc/[0-9]* | wc -l; ls -A /tmp",
             scene->root);
    SCENE_RUN(scene, &outcome, "sh", "-c", text);
    assert_int_equal(strncmp(outcome.out, seen, strlen(seen)), 0);
    assert_null(strstr(outcome.out, "--launch-contract"));
    assert_null(strstr(outcome.out, "vz-guest-launch"));
}

static void test_the_resolver_files_name_the_stub(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, "sh", "-c",
              "grep -h nameserver /etc/resolv.conf; grep -h ^hosts /etc/nsswitch.conf; "
              "[ -L /etc/resolv.conf ] || echo file; getent passwd root | cut -d: -f1");
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, "nameserver 127.0.0.1\nhosts: files dns\nfile\nroot\n");
}

/* ---- other machines' /etc: in the runner's child, so a failure shows as an exit of 99 ---- */

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        _exit(99);
    close(fd);
}

/* In mount and user namespaces of its own the runner's child may have any /etc it likes. */
static void change_etc(void)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %u 1", geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", getegid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        _exit(99);
    put("/proc/self/uid_map", users);
    put("/proc/self/setgroups", "deny");
    put("/proc/self/gid_map", groups);
    if (mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755") != 0 || mkdir("/etc/folder", 0755) != 0 ||
        symlink("passwd", "/etc/link") != 0 || symlink("/run/resolv", "/etc/resolv.conf") != 0)
        _exit(99);
    put("/etc/passwd", "of this machine\n");
    put("/etc/folder/file", "seen\n");
}

static void change_etc_and_cover(void)
{
    change_etc();
    if (mount("tmpfs", "/etc/folder", "tmpfs", 0, "mode=0755") != 0)
        _exit(99);
    put("/etc/folder/cover", "seen\n");
}

static void change_etc_and_add_doors(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/etc/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    change_etc();
    if (mkfifo("/etc/fifo", 0666) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        _exit(99);
}

static void check_etc(struct scene *scene, void (*prepare)(void), const char *in_folder)
{
    struct outcome outcome;
    char expected[256];
    snprintf(expected, sizeof expected,
             "folder\nlink\nnsswitch.conf\npasswd\nresolv.conf\n%s\nseen\n"
             "of this machine\nnameserver 127.0.0.1\nread-only\n",
             in_folder);
    scene->prepare = prepare;
    SCENE_RUN(scene, &outcome, "sh", "-c",
              ONLY_IN_GUEST "cd /etc; LC_ALL=C ls -A; ls -A folder; cat folder/* link; "
                            "grep nameserver resolv.conf; "
                            "(: >>passwd) 2>/dev/null || echo read-only");
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, expected);
}

static void test_every_machine_s_etc_is_seen_alike(void **state)
{
    check_etc(*state, change_etc, "file");
    check_etc(*state, change_etc_and_cover, "cover");
    check_etc(*state, change_etc_and_add_doors, "file");
}

static int leaked[2];

static void leak_descriptors(void)
{
    dup2(leaked[0], 7);
    dup2(leaked[0], 40);
    close(0);
}

/* 0 was closed and stays closed; the runner's own 3 and the leaked 7 and 40 are gone. */
static void test_descriptors_are_the_standard_ones_alone(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    SCENE_RUN(scene, &outcome, HELPER, "descriptors");
    assert_string_equal(outcome.out, "0 1 2 \n");
    assert_int_equal(pipe2(leaked, O_CLOEXEC), 0);
    scene->prepare = leak_descriptors;
    SCENE_RUN(scene, &outcome, HELPER, "descriptors");
    close(leaked[0]);
    close(leaked[1]);
    assert_string_equal(outcome.out, "1 2 \n");
}

static void test_a_directory_on_stdin_is_refused(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    scene->stdin_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    SCENE_RUN(scene, &outcome, "true");
    close(scene->stdin_fd);
    assert_refused(&outcome, "descriptor 0 is a directory");
}

static void test_R6_streams_are_apart_and_stdin_is_the_callers(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    scene_write(scene, "input", "in\n", 3, 0600);
    scene->stdin_fd = open(scene_path(scene, "input"), O_RDONLY | O_CLOEXEC);
    SCENE_RUN(scene, &outcome, "sh", "-c", "cat; echo err >&2; echo out");
    close(scene->stdin_fd);
    assert_string_equal(outcome.out, "in\nout\n");
    assert_string_equal(outcome.err, "err\n");
}

/* ---- mounts ---- */

static void add_mount(struct scene *scene, const char *source, const char *target, bool read_only)
{
    struct firma_contract *contract = &scene->contract;
    struct firma_error err;
    assert_int_equal(firma_contract_add_mount(contract, source, target, read_only, &err), 0);
    /* cwd has to stay the last one. */
    struct firma_mount last = contract->mounts[contract->mount_count - 1];
    contract->mounts[contract->mount_count - 1] = contract->mounts[contract->mount_count - 2];
    contract->mounts[contract->mount_count - 2] = last;
}

static void make_directory(struct scene *scene, const char *name)
{
    assert_int_equal(mkdir(scene_path(scene, name), 0755), 0);
}

static void test_mounts_are_applied_in_order(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    make_directory(scene, "one");
    make_directory(scene, "two");
    scene_write(scene, "one/file", "1", 1, 0644);
    scene_write(scene, "two/file", "2", 1, 0644);
    add_mount(scene, scene_path(scene, "one"), "/new/place", true);
    add_mount(scene, scene_path(scene, "two"), "/new/place", false);
    add_mount(scene, scene_path(scene, "one"), "/new/other", true);
    SCENE_RUN(scene, &outcome, "sh", "-c",
              ONLY_IN_GUEST "cat /new/place/file /new/other/file; : >/new/place/w && echo w; "
                            "(: >/new/other/w) || echo ro");
    assert_exit(&outcome, 0);
    assert_string_equal(outcome.out, "21w\nro\n");
    assert_int_equal(access(scene_path(scene, "two/w"), F_OK), 0);
    assert_int_equal(access(scene_path(scene, "one/w"), F_OK), -1);
}

static void test_R10_a_target_through_a_link_is_refused(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    make_directory(scene, "one");
    make_directory(scene, "cwd/real");
    assert_int_equal(symlink("/etc", scene_path(scene, "one/link")), 0);
    add_mount(scene, scene_path(scene, "one"), "/place", true);
    add_mount(scene, scene_path(scene, "cwd/real"), "/place/link", true);
    SCENE_RUN(scene, &outcome, "sh", "-c", ": >ran");
    assert_refused(&outcome, "/place/link");
    assert_int_equal(access(scene_path(scene, "cwd/ran"), F_OK), -1);
}

static void test_R10_a_reserved_target_is_refused(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome = {0};
    struct firma_error err;
    char *text;
    size_t size;
    make_directory(scene, "one");
    add_mount(scene, scene_path(scene, "one"), "/abc", false);
    scene_command(scene, (const char *const[]){"sh", "-c", ": >ran", NULL});
    assert_int_equal(firma_contract_encode(&scene->contract, &text, &size, &err), 0);
    memcpy(strstr(text, "\"/abc\""), "\"/etc\"", 6);
    scene_write(scene, "run/" FIRMA_CONTRACT_FILE, text, size, 0600);
    free(text);
    char path[512];
    snprintf(path, sizeof path, "%s", scene_contract_path(scene));
    scene_start_with(scene, (const char *const[]){"--launch-contract", path, NULL});
    scene_finish(scene, &outcome);
    assert_refused(&outcome, "mounts[1].target");
    assert_int_equal(access(scene_path(scene, "cwd/ran"), F_OK), -1);
}

static void test_a_source_that_became_a_link_is_refused(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    assert_int_equal(symlink("/etc", scene_path(scene, "swapped")), 0);
    add_mount(scene, scene_path(scene, "swapped"), "/place", true);
    SCENE_RUN(scene, &outcome, "true");
    assert_refused(&outcome, "symbolic link");
}

static void test_an_absent_source_is_refused(void **state)
{
    struct scene *scene = *state;
    struct outcome outcome;
    add_mount(scene, scene_path(scene, "absent"), "/place", true);
    SCENE_RUN(scene, &outcome, "true");
    assert_refused(&outcome, "No such file");
}

/* ---- filters ---- */

static void set_filter(struct scene *scene, const void *bytes, size_t size, mode_t mode)
{
    struct firma_error err;
    scene_write(scene, "filter", bytes, size, mode);
    assert_int_equal(firma_contract_set_text(&scene->contract.seccomp_filter_path,
                                             scene_path(scene, "filter"), &err),
                     0);
}

static void test_the_contracts_filter_is_loaded(void **state)
{
    static const struct sock_filter no_uname[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_uname, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct scene *scene = *state;
    struct outcome outcome;
    set_filter(scene, no_uname, sizeof no_uname, 0600);
    SCENE_RUN(scene, &outcome, "sh", "-c", "uname; grep -h ^Seccomp_filters /proc/self/status");
    assert_holds(outcome.err, "cross-device");
    assert_string_equal(outcome.out, "Seccomp_filters:\t2\n");
}

static void check_filter_refused(struct scene *scene, const char *text)
{
    struct outcome outcome;
    SCENE_RUN(scene, &outcome, "sh", "-c", ": >ran");
    assert_refused(&outcome, text);
    assert_int_equal(access(scene_path(scene, "cwd/ran"), F_OK), -1);
}

static void test_R9_a_filter_that_cannot_be_applied_is_refused(void **state)
{
    static const struct sock_filter endless = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    struct scene *scene = *state;
    set_filter(scene, "", 0, 0600);
    check_filter_refused(scene, "seccomp_filter_path");
    set_filter(scene, "1234567", 7, 0600);
    check_filter_refused(scene, "seccomp_filter_path");
    set_filter(scene, &endless, sizeof endless, 0600);
    check_filter_refused(scene, "Invalid argument");
    set_filter(scene, &endless, sizeof endless, 0666);
    check_filter_refused(scene, "seccomp_filter_path");
    unlink(scene_path(scene, "filter"));
    check_filter_refused(scene, "seccomp_filter_path");
}

static void test_what_no_namespace_confines_is_denied(void **state)
{
    struct outcome outcome;
    SCENE_RUN(*state, &outcome, HELPER, "forbidden");
    assert_exit(&outcome, 0);
    assert_holds(outcome.out, "vsock EPERM\nvsock pair EPERM\nio_uring ENOSYS\ntiocsti EPERM\n");
    assert_holds(outcome.out, "inet ok\n");
#if defined(__x86_64__)
    assert_holds(outcome.out, "x32 ENOSYS\n");
#endif
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_environment_is_exactly_the_contracts),
        TEST(test_arguments_are_byte_exact),
        TEST(test_cwd_and_umask),
        TEST(test_R9_host_user_is_the_launchers_user),
        TEST(test_R9_sandbox_user_is_nobody),
        TEST(test_read_only_stays_read_only),
        TEST(test_what_tells_about_the_machine_is_masked),
        TEST(test_nothing_else_of_the_host_is_visible),
        TEST(test_the_resolver_files_name_the_stub),
        TEST(test_every_machine_s_etc_is_seen_alike),
        TEST(test_descriptors_are_the_standard_ones_alone),
        TEST(test_a_directory_on_stdin_is_refused),
        TEST(test_R6_streams_are_apart_and_stdin_is_the_callers),
        TEST(test_mounts_are_applied_in_order),
        TEST(test_R10_a_target_through_a_link_is_refused),
        TEST(test_R10_a_reserved_target_is_refused),
        TEST(test_a_source_that_became_a_link_is_refused),
        TEST(test_an_absent_source_is_refused),
        TEST(test_the_contracts_filter_is_loaded),
        TEST(test_R9_a_filter_that_cannot_be_applied_is_refused),
        TEST(test_what_no_namespace_confines_is_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
