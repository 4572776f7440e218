/* The walk along a path, and who is trusted on the way. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/custody.h"
#include "sample.h"

static void make_dir(const char *path, mode_t mode)
{
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void make_file(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* Walks PATH and asserts where it ends. */
static void assert_ends(const char *path, bool follow, const char *expected)
{
    struct firma_place place;
    struct firma_error err = {0};
    struct stat by_path;
    struct stat by_fd;
    char parent[4096];
    if (firma_custody_locate(path, follow, &place, &err) < 0)
        fail_msg("%s: %s", path, err.text);
    assert_string_equal(place.path, expected);
    assert_string_equal(place.name, strrchr(expected, '/') + 1);
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(expected, '/') - expected), expected);
    assert_int_equal(stat(parent[0] != '\0' ? parent : "/", &by_path), 0);
    assert_int_equal(fstat(place.dirfd, &by_fd), 0);
    assert_true(by_path.st_ino == by_fd.st_ino && by_path.st_dev == by_fd.st_dev);
    assert_int_equal(fcntl(place.dirfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    firma_place_close(&place);
    assert_int_equal(place.dirfd, -1);
    assert_int_equal(err.code, 0);
}

static void assert_stopped(const char *path, int code, const char *expected)
{
    struct firma_place place = {.dirfd = -7};
    struct firma_error err = {0};
    int result = firma_custody_locate(path, true, &place, &err);
    if (result != -code)
        fail_msg("%s: %d %s", path, result, err.text);
    assert_names(&err, expected);
    assert_int_equal(place.dirfd, -7);
}

static void test_paths_are_walked_to_their_canonical_end(void **state)
{
    const char *dir = *state;
    char expected[4096];
    make_dir(sample_path(dir, "a", 1), 0755);
    make_file(sample_path(dir, "a/file", 1), 0600);
    snprintf(expected, sizeof expected, "%s/a/file", dir);
    assert_ends(sample_path(dir, "a/file", 1), false, expected);
    assert_ends(sample_path(dir, ".//a/../a/./file", 1), true, expected);
    assert_int_equal(symlink("a", sample_path(dir, "relative", 1)), 0);
    assert_ends(sample_path(dir, "relative/file", 1), false, expected);
    assert_int_equal(symlink(sample_path(dir, "a", 1), sample_path(dir, "absolute", 2)), 0);
    assert_ends(sample_path(dir, "absolute/file", 1), false, expected);
    assert_int_equal(symlink("../relative/file", sample_path(dir, "a/last", 1)), 0);
    assert_ends(sample_path(dir, "a/last", 1), true, expected);
    snprintf(expected, sizeof expected, "%s/a/last", dir);
    assert_ends(sample_path(dir, "a/last", 1), false, expected);
    snprintf(expected, sizeof expected, "%s/not-there", dir);
    assert_ends(expected, true, expected);
    assert_ends("/etc", false, "/etc");
}

static void test_bad_paths_are_refused(void **state)
{
    const char *dir = *state;
    assert_stopped("", FIRMA_E_CUSTODY, "absolute");
    assert_stopped("a/b", FIRMA_E_CUSTODY, "absolute");
    assert_stopped("/", FIRMA_E_CUSTODY, "names no file");
    assert_stopped("/./", FIRMA_E_CUSTODY, "names no file");
    assert_stopped(sample_path(dir, "..", 1), FIRMA_E_CUSTODY, "names no file");
    assert_stopped(sample_path(dir, "none/file", 1), FIRMA_E_SYSTEM, strerror(ENOENT));
    make_file(sample_path(dir, "file", 1), 0600);
    assert_stopped(sample_path(dir, "file/x", 1), FIRMA_E_SYSTEM, strerror(ENOTDIR));
    char *text = sample_repeat("/", 'a', 4096);
    assert_stopped(text, FIRMA_E_CUSTODY, strerror(ENAMETOOLONG));
    free(text);
}

static void test_link_loops_end(void **state)
{
    const char *dir = *state;
    assert_int_equal(symlink("two", sample_path(dir, "one", 1)), 0);
    assert_int_equal(symlink("one", sample_path(dir, "two", 1)), 0);
    assert_stopped(sample_path(dir, "one", 1), FIRMA_E_CUSTODY, strerror(ELOOP));
    assert_stopped(sample_path(dir, "one/x", 1), FIRMA_E_CUSTODY, strerror(ELOOP));
    assert_int_equal(symlink("self/x", sample_path(dir, "self", 1)), 0);
    assert_stopped(sample_path(dir, "self/x", 1), FIRMA_E_CUSTODY, strerror(ELOOP));
}

static void test_every_directory_on_the_way_is_judged(void **state)
{
    const char *dir = *state;
    make_dir(sample_path(dir, "open", 1), 0777);
    make_dir(sample_path(dir, "open/safe", 1), 0700);
    make_dir(sample_path(dir, "group", 1), 0770);
    make_dir(sample_path(dir, "sticky", 1), 01777);
    assert_stopped(sample_path(dir, "open/safe/x", 1), FIRMA_E_CUSTODY, "open: directory is writ");
    assert_stopped(sample_path(dir, "group/x", 1), FIRMA_E_CUSTODY, "(mode 0770)");
    assert_int_equal(firma_custody_parents(sample_path(dir, "sticky/x", 1), NULL), 0);
    /* ".." leads out of it again, and a link that is held in it may be swapped at any time */
    assert_stopped(sample_path(dir, "open/../x", 1), FIRMA_E_CUSTODY, "open: directory is writ");
    assert_int_equal(symlink("/etc", sample_path(dir, "open/link", 1)), 0);
    assert_int_equal(symlink("open/link", sample_path(dir, "link", 1)), 0);
    assert_stopped(sample_path(dir, "link/hosts", 1), FIRMA_E_CUSTODY, "open: directory is writ");
}

/* Giving away needs root; skipped otherwise. */
static void test_foreign_directories_and_links_are_refused(void **state)
{
    const char *dir = *state;
    make_dir(sample_path(dir, "theirs", 1), 0755);
    if (chown(sample_path(dir, "theirs", 1), 12345, (gid_t)-1) < 0)
        skip();
    assert_stopped(sample_path(dir, "theirs/x", 1), FIRMA_E_CUSTODY, "belongs to uid 12345");
    assert_int_equal(symlink("/etc", sample_path(dir, "link", 1)), 0);
    assert_int_equal(lchown(sample_path(dir, "link", 1), 12345, (gid_t)-1), 0);
    assert_stopped(sample_path(dir, "link/hosts", 1), FIRMA_E_CUSTODY, "symbolic link belongs to");
}

static void test_trusted_are_we_and_root(void **state)
{
    (void)state;
    struct stat root;
    assert_int_equal(stat("/", &root), 0);
    assert_true(firma_custody_trusts(geteuid()));
    assert_true(firma_custody_trusts(0));
    assert_true(firma_custody_trusts(root.st_uid));
    uid_t stranger = 12345;
    while (stranger == geteuid() || stranger == root.st_uid)
        stranger++;
    assert_false(firma_custody_trusts(stranger));
}

static void test_files_are_judged_by_type_and_mode(void **state)
{
    const char *dir = *state;
    struct firma_error err = {0};
    make_file(sample_path(dir, "file", 1), 0755);
    int fd = open(sample_path(dir, "file", 1), O_RDONLY | O_CLOEXEC);
    assert_int_equal(firma_custody_file(fd, "file", 022, &err), 0);
    assert_int_equal(err.code, 0);
    assert_int_equal(firma_custody_file(fd, "file", 077, &err), -FIRMA_E_CUSTODY);
    assert_names(&err, "file: mode 0755 is too open; use chmod 0600");
    assert_int_equal(fchmod(fd, 0775), 0);
    assert_int_equal(firma_custody_file(fd, "file", 022, &err), -FIRMA_E_CUSTODY);
    assert_names(&err, "use chmod go-w");
    assert_int_equal(firma_custody_private_dir(fd, "file", &err), -FIRMA_E_CUSTODY);
    assert_names(&err, "is not a directory");
    close(fd);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(firma_custody_file(fd, "dir", 0, &err), -FIRMA_E_CUSTODY);
    assert_names(&err, "dir: is not a regular file");
    assert_int_equal(firma_custody_private_dir(fd, "dir", &err), 0);
    close(fd);
    assert_int_equal(firma_custody_file(-1, "none", 0, &err), -FIRMA_E_SYSTEM);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, sample_make_dir, sample_remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(test_paths_are_walked_to_their_canonical_end),
        IN_DIR(test_bad_paths_are_refused),
        IN_DIR(test_link_loops_end),
        IN_DIR(test_every_directory_on_the_way_is_judged),
        IN_DIR(test_foreign_directories_and_links_are_refused),
        cmocka_unit_test(test_trusted_are_we_and_root),
        IN_DIR(test_files_are_judged_by_type_and_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
