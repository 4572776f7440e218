/* The runtime directory: L2, L12, the sweep, and what is executed is what was validated. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/remove_tree.h"
#include "launcher/runtime_dir.h"
#include "launcher/spawn.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"

static char base[64];

static char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", base, name);
    return path;
}

/* The root for an environment that has TMPDIR only. */
static struct firma_runtime_root find_root(void)
{
    static char variable[128];
    char *environment[] = {variable, NULL};
    struct firma_runtime_root root = {0};
    struct firma_error err = {0};
    snprintf(variable, sizeof variable, "TMPDIR=%s", base);
    if (firma_runtime_root_find(&root, environment, NULL, &err) < 0)
        fail_msg("%s", err.text);
    return root;
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 ? info.st_mode & 07777 : 0;
}

static void create(const struct firma_runtime_root *root, struct firma_runtime_dir *dir)
{
    struct firma_error err = {0};
    if (firma_runtime_dir_create(dir, root, ID, &err) < 0)
        fail_msg("%s", err.text);
}

static void test_the_first_variable_that_is_set_decides(void **state)
{
    (void)state;
    char xdg[128];
    char tmp[] = "TMPDIR=/var/tmp";
    char name[128];
    struct firma_error err = {0};
    struct firma_runtime_root root = {0};
    snprintf(xdg, sizeof xdg, "XDG_RUNTIME_DIR=%s", base);
    snprintf(name, sizeof name, "%s/firma-run-%ld", base, (long)geteuid());
    assert_int_equal(firma_runtime_root_find(&root, (char *[]){tmp, xdg, NULL}, NULL, &err), 0);
    assert_string_equal(root.path, name);
    firma_runtime_root_clear(&root);
    assert_int_equal(firma_runtime_root_find(&root, (char *[]){NULL}, NULL, &err), 0);
    snprintf(name, sizeof name, "/tmp/firma-run-%ld", (long)geteuid());
    assert_string_equal(root.path, name);
    firma_runtime_root_clear(&root);
    char missing[] = "XDG_RUNTIME_DIR=/nonexistent/place";
    assert_refused(firma_runtime_root_find(&root, (char *[]){missing, NULL}, NULL, &err), err,
                   FIRMA_E_SYSTEM, "XDG_RUNTIME_DIR");
}

static void test_L2_directories_and_files_are_ours_alone_from_birth(void **state)
{
    (void)state;
    mode_t before = umask(0);
    struct firma_runtime_root root = find_root();
    struct firma_runtime_dir dir;
    struct firma_error err = {0};
    create(&root, &dir);
    assert_int_equal(firma_runtime_dir_write(&dir, "file", "text", &err), 0);
    umask(before);
    char path[600];
    assert_int_equal(mode_of(root.path), 0700);
    snprintf(path, sizeof path, "%s/" ID, root.path);
    assert_int_equal(mode_of(path), 0700);
    snprintf(path, sizeof path, "%s/" ID "/file", root.path);
    assert_int_equal(mode_of(path), 0600);
    firma_runtime_dir_remove(&dir);
    firma_runtime_dir_close(&dir);
    assert_int_equal(access(root.path, F_OK), -1);
    firma_runtime_root_clear(&root);
}

static void test_L2_a_root_open_to_others_is_refused(void **state)
{
    (void)state;
    struct firma_runtime_root root = find_root();
    struct firma_runtime_dir dir;
    struct firma_error err = {0};
    mkdir(root.path, 0755);
    chmod(root.path, 0755);
    assert_refused(firma_runtime_dir_create(&dir, &root, ID, &err), err, FIRMA_E_CUSTODY,
                   "open to others");
    rmdir(root.path);
    firma_runtime_root_clear(&root);
}

static void test_L12_a_planted_root_link_is_refused(void **state)
{
    (void)state;
    struct firma_runtime_root root = find_root();
    struct firma_runtime_dir dir;
    struct firma_error err = {0};
    mkdir(path_of("elsewhere"), 0700);
    assert_int_equal(symlink("elsewhere", root.path), 0);
    assert_refused(firma_runtime_dir_create(&dir, &root, ID, &err), err, FIRMA_E_CUSTODY,
                   "firma-run-");
    assert_int_equal(rmdir(path_of("elsewhere")), 0);
    unlink(root.path);
    firma_runtime_root_clear(&root);
}

static void test_a_link_put_on_the_way_since_is_refused(void **state)
{
    (void)state;
    struct firma_runtime_root root = find_root();
    struct firma_runtime_dir dir;
    struct firma_error err = {0};
    char away[128];
    snprintf(away, sizeof away, "%s-away", base);
    assert_int_equal(rename(base, away), 0);
    assert_int_equal(symlink(away, base), 0);
    assert_refused(firma_runtime_dir_create(&dir, &root, ID, &err), err, FIRMA_E_CUSTODY, "-away");
    assert_int_equal(unlink(base), 0);
    assert_int_equal(rename(away, base), 0);
    assert_int_equal(access(root.path, F_OK), -1);
    firma_runtime_root_clear(&root);
}

static void test_L12_planted_files_are_neither_followed_nor_overwritten(void **state)
{
    (void)state;
    struct firma_runtime_root root = find_root();
    struct firma_runtime_dir dir;
    struct firma_error err = {0};
    create(&root, &dir);
    assert_int_equal(symlinkat("target", dir.fd, "linked"), 0);
    assert_refused(firma_runtime_dir_write(&dir, "linked", "x", &err), err, FIRMA_E_SYSTEM,
                   "linked");
    assert_int_equal(faccessat(dir.fd, "target", F_OK, 0), -1);
    assert_int_equal(firma_runtime_dir_write(&dir, "once", "first", &err), 0);
    assert_refused(firma_runtime_dir_write(&dir, "once", "second", &err), err, FIRMA_E_SYSTEM,
                   "once");
    firma_runtime_dir_remove(&dir);
    firma_runtime_dir_close(&dir);
    firma_runtime_root_clear(&root);
}

static void test_removal_never_follows_a_link(void **state)
{
    (void)state;
    struct firma_runtime_root root = find_root();
    struct firma_runtime_dir dir;
    create(&root, &dir);
    mkdir(path_of("outside"), 0700);
    mkdir(path_of("outside/precious"), 0700);
    assert_int_equal(symlinkat(path_of("outside"), dir.fd, "link"), 0);
    assert_int_equal(mkdirat(dir.fd, "sub", 0700), 0);
    assert_int_equal(symlinkat("../../../outside", dir.fd, "sub/link"), 0);
    firma_runtime_dir_remove(&dir);
    firma_runtime_dir_close(&dir);
    assert_int_equal(access(root.path, F_OK), -1);
    assert_int_equal(access(path_of("outside/precious"), F_OK), 0);
    firma_runtime_root_clear(&root);
}

static void test_the_sweep_takes_free_directories_and_nothing_else(void **state)
{
    (void)state;
    struct firma_runtime_root root = find_root();
    struct firma_runtime_dir dir;
    create(&root, &dir);
    mkdirat(dir.root_fd, "01890a5d-ac96-774b-bcce-b302099a8058", 0700);      /* free */
    mkdirat(dir.root_fd, ".new-01890a5d-ac96-774b-bcce-b302099a8059", 0700); /* being born */
    mkdirat(dir.root_fd, "somebody-elses", 0700);
    assert_int_equal(firma_runtime_dir_sweep(dir.root_fd), 1);
    assert_int_equal(faccessat(dir.root_fd, ID, F_OK, 0), 0);
    assert_int_equal(faccessat(dir.root_fd, "somebody-elses", F_OK, 0), 0);
    assert_int_equal(faccessat(dir.root_fd, ".new-01890a5d-ac96-774b-bcce-b302099a8059", F_OK, 0),
                     0);
    firma_remove_tree(AT_FDCWD, root.path);
    firma_runtime_dir_close(&dir);
    firma_runtime_root_clear(&root);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    fchmod(fd, mode);
    close(fd);
}

/* Executes ARTIFACT in a child: its exit status, or 200 + errno if it could not be. */
static int execute(const struct firma_artifact *artifact)
{
    int status;
    char name[] = "runner";
    char *argv[] = {name, NULL};
    char *environment[] = {NULL};
    pid_t child = fork();
    if (child == 0)
        _exit(200 + (firma_execute(artifact, argv, environment) & 0x1f));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

static void test_L7_a_script_swapped_after_validation_is_not_run(void **state)
{
    (void)state;
    struct firma_artifact artifact;
    struct firma_error err = {0};
    write_file("script", "#!/bin/sh\nexit 11\n", 0755);
    assert_int_equal(firma_artifact_open(&artifact, "RUNNER", path_of("script"), true, &err), 0);
    assert_true(artifact.is_script);
    assert_int_equal(execute(&artifact), 11);
    write_file("other", "#!/bin/sh\nexit 12\n", 0755);
    char other[512];
    snprintf(other, sizeof other, "%s", path_of("other"));
    assert_int_equal(rename(other, path_of("script")), 0);
    assert_false(firma_artifact_unchanged(&artifact));
    assert_int_equal(execute(&artifact), 200 + (ESTALE & 0x1f));
    firma_artifact_close(&artifact);
    unlink(path_of("script"));
}

#if defined(__linux__)
/* A binary runs from the descriptor that was judged, whatever has its name by then. */
static void test_L7_a_binary_swapped_after_validation_runs_as_validated(void **state)
{
    (void)state;
    struct firma_artifact artifact;
    struct firma_error err = {0};
    assert_int_equal(firma_artifact_open(&artifact, "RUNNER", "/bin/true", true, &err), 0);
    assert_false(artifact.is_script);
    free(artifact.canonical);
    artifact.canonical = strdup("/bin/false");
    assert_int_equal(execute(&artifact), 0);
    firma_artifact_close(&artifact);
}
#endif

static int group_setup(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/firma-unit-XXXXXX");
    return mkdtemp(base) != NULL ? 0 : -1;
}

static int group_teardown(void **state)
{
    (void)state;
    return firma_remove_tree(AT_FDCWD, base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_variable_that_is_set_decides),
        cmocka_unit_test(test_L2_directories_and_files_are_ours_alone_from_birth),
        cmocka_unit_test(test_L2_a_root_open_to_others_is_refused),
        cmocka_unit_test(test_L12_a_planted_root_link_is_refused),
        cmocka_unit_test(test_a_link_put_on_the_way_since_is_refused),
        cmocka_unit_test(test_L12_planted_files_are_neither_followed_nor_overwritten),
        cmocka_unit_test(test_removal_never_follows_a_link),
        cmocka_unit_test(test_the_sweep_takes_free_directories_and_nothing_else),
        cmocka_unit_test(test_L7_a_script_swapped_after_validation_is_not_run),
#if defined(__linux__)
        cmocka_unit_test(test_L7_a_binary_swapped_after_validation_runs_as_validated),
#endif
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown) != 0;
}
