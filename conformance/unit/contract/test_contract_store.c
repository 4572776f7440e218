/* The contract as a file: how it is created, and what custody the reader asks for. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sample.h"

static int open_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static int write_sample(const char *dir, struct firma_error *err)
{
    struct firma_contract c = sample_contract();
    int fd = open_dir(dir);
    int result = firma_contract_write(fd, &c, err);
    close(fd);
    firma_contract_clear(&c);
    return result;
}

static const char *contract_path(const char *dir)
{
    return sample_path(dir, FIRMA_CONTRACT_FILE, 0);
}

static int count_entries(const char *dir)
{
    DIR *stream = opendir(dir);
    assert_non_null(stream);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count;
}

/* Asserts that reading PATH is refused with CODE and a message that holds EXPECTED. */
static void assert_unreadable(const char *path, int code, const char *expected)
{
    struct firma_contract c = {0};
    struct firma_error err = {0};
    int result = firma_contract_read(path, &c, &err);
    if (result != -code)
        fail_msg("read gave %d (%s), not %d", result, err.text, -code);
    assert_names(&err, expected);
    assert_null(c.runtime_dir);
}

static void assert_readable(const char *path)
{
    struct firma_contract c = {0};
    struct firma_error err = {0};
    if (firma_contract_read(path, &c, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(c.sandbox_id, SAMPLE_ID);
    assert_int_equal(err.code, 0);
    firma_contract_clear(&c);
}

static void test_written_contract_is_read_back(void **state)
{
    struct firma_error err = {0};
    if (write_sample(*state, &err) < 0)
        fail_msg("%s", err.text);
    assert_readable(contract_path(*state));
    assert_int_equal(count_entries(*state), 1);
}

static void test_L2_contract_is_private_whatever_the_umask(void **state)
{
    static const mode_t masks[] = {0, 022, 0377, 0777};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct stat info;
        struct firma_error err = {0};
        mode_t before = umask(masks[i]);
        int result = write_sample(*state, &err);
        umask(before);
        if (result < 0)
            fail_msg("umask %03o: %s", (unsigned)masks[i], err.text);
        assert_int_equal(lstat(contract_path(*state), &info), 0);
        assert_int_equal(info.st_mode, S_IFREG | 0600);
        assert_int_equal(info.st_uid, geteuid());
        assert_int_equal(unlink(contract_path(*state)), 0);
    }
}

static void test_L2_reader_refuses_a_file_open_to_others(void **state)
{
    static const mode_t modes[] = {0644, 0640, 0620, 0602, 0604, 0610, 0601, 0666};
    assert_int_equal(write_sample(*state, NULL), 0);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        char mode[32];
        snprintf(mode, sizeof mode, "mode %04o", (unsigned)modes[i]);
        assert_int_equal(chmod(contract_path(*state), modes[i]), 0);
        assert_unreadable(contract_path(*state), FIRMA_E_CUSTODY, mode);
    }
    assert_int_equal(chmod(contract_path(*state), 0400), 0);
    assert_readable(contract_path(*state));
}

static void test_L2_directory_must_be_private(void **state)
{
    static const mode_t modes[] = {0755, 0750, 0711, 0701, 0720, 01777};
    assert_int_equal(write_sample(*state, NULL), 0);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct firma_error err = {0};
        assert_int_equal(chmod(*state, modes[i]), 0);
        assert_unreadable(contract_path(*state), FIRMA_E_CUSTODY, "director");
        assert_int_equal(unlink(contract_path(*state)), 0);
        assert_int_equal(write_sample(*state, &err), -FIRMA_E_CUSTODY);
        assert_names(&err, "runtime directory: directory is open to others");
        assert_int_equal(count_entries(*state), 0);
        assert_int_equal(chmod(*state, 0700), 0);
        assert_int_equal(write_sample(*state, NULL), 0);
    }
    assert_readable(contract_path(*state));
}

/* MODE for a directory above the contract's own; the contract's directory stays 0700. */
static int read_beneath(const char *top, mode_t mode, struct firma_error *err)
{
    const char *inner = sample_path(top, "inner", 1);
    struct firma_contract c = {0};
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_int_equal(write_sample(inner, NULL), 0);
    assert_int_equal(chmod(top, mode), 0);
    int result = firma_contract_read(contract_path(inner), &c, err);
    firma_contract_clear(&c);
    assert_int_equal(chmod(top, 0700), 0);
    assert_int_equal(unlink(contract_path(inner)), 0);
    assert_int_equal(rmdir(inner), 0);
    return result;
}

static void test_L2_parents_must_not_be_writable_by_others(void **state)
{
    static const mode_t refused[] = {0777, 0770, 0720, 0702, 0775};
    static const mode_t allowed[] = {0755, 0711, 0700, 01777, 01775};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct firma_error err = {0};
        assert_int_equal(read_beneath(*state, refused[i], &err), -FIRMA_E_CUSTODY);
        assert_names(&err, "writable by others");
        assert_names(&err, *state);
    }
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        struct firma_error err = {0};
        if (read_beneath(*state, allowed[i], &err) < 0)
            fail_msg("%s", err.text);
    }
}

static void test_L11_reader_never_follows_a_link_to_the_file(void **state)
{
    assert_int_equal(write_sample(*state, NULL), 0);
    const char *real = sample_path(*state, "real.json", 1);
    assert_int_equal(rename(contract_path(*state), real), 0);
    assert_int_equal(symlink("real.json", contract_path(*state)), 0);
    assert_unreadable(contract_path(*state), FIRMA_E_CUSTODY, "is a symbolic link");
    assert_readable(real);
}

static void test_L11_reader_takes_regular_files_only(void **state)
{
    assert_int_equal(mkfifo(contract_path(*state), 0600), 0);
    assert_unreadable(contract_path(*state), FIRMA_E_CUSTODY, "is not a regular file");
    assert_int_equal(unlink(contract_path(*state)), 0);
    assert_int_equal(mkdir(contract_path(*state), 0700), 0);
    assert_unreadable(contract_path(*state), FIRMA_E_CUSTODY, "is not a regular file");
    assert_int_equal(rmdir(contract_path(*state)), 0);
    assert_unreadable(contract_path(*state), FIRMA_E_SYSTEM, strerror(ENOENT));
    assert_unreadable(FIRMA_CONTRACT_FILE, FIRMA_E_CUSTODY, "must be an absolute path");
}

/* Only root can give a file away; a plain user's run covers the same check in test_custody. */
static void test_L11_reader_checks_the_owner(void **state)
{
    assert_int_equal(write_sample(*state, NULL), 0);
    if (chown(contract_path(*state), 12345, (gid_t)-1) < 0)
        skip();
    assert_unreadable(contract_path(*state), FIRMA_E_CUSTODY, "belongs to uid 12345");
    assert_int_equal(chown(contract_path(*state), geteuid(), (gid_t)-1), 0);
    assert_int_equal(chown(*state, 12345, (gid_t)-1), 0);
    assert_unreadable(contract_path(*state), FIRMA_E_CUSTODY, "belongs to uid 12345");
    assert_int_equal(chown(*state, geteuid(), (gid_t)-1), 0);
    assert_readable(contract_path(*state));
}

/* What is checked is what is read: swapping the name afterwards changes nothing. Here the other
 * way round: a directory on the way is a link, and the file opened is the one beyond it. */
static void test_L11_links_above_are_resolved_and_checked(void **state)
{
    const char *inner = sample_path(*state, "inner", 1);
    const char *link = sample_path(*state, "link", 2);
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_int_equal(symlink("inner", link), 0);
    assert_int_equal(write_sample(inner, NULL), 0);
    assert_readable(contract_path(link));
    assert_int_equal(chmod(inner, 0755), 0);
    assert_unreadable(contract_path(link), FIRMA_E_CUSTODY, "open to others");
    assert_int_equal(chmod(inner, 0700), 0);
    assert_int_equal(chmod(*state, 0777), 0); /* whoever may replace the link */
    assert_unreadable(contract_path(link), FIRMA_E_CUSTODY, "writable by others");
    assert_int_equal(chmod(*state, 0700), 0);
}

static void test_L12_planted_file_is_refused_and_left_alone(void **state)
{
    struct firma_error err = {0};
    char kept[16] = "";
    int fd = open(contract_path(*state), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "planted", 7), 7);
    close(fd);
    assert_int_equal(write_sample(*state, &err), -FIRMA_E_CUSTODY);
    assert_names(&err, FIRMA_CONTRACT_FILE " already exists");
    fd = open(contract_path(*state), O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, kept, sizeof kept), 7);
    close(fd);
    assert_string_equal(kept, "planted");
    assert_int_equal(count_entries(*state), 1);
}

static void test_L12_planted_links_are_refused_and_not_followed(void **state)
{
    const char *target = sample_path(*state, "target", 1);
    for (int exists = 0; exists < 2; exists++) {
        struct firma_error err = {0};
        struct stat info;
        if (exists)
            close(open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        assert_int_equal(symlink(target, contract_path(*state)), 0);
        assert_int_equal(write_sample(*state, &err), -FIRMA_E_CUSTODY);
        assert_names(&err, "already exists");
        assert_int_equal(lstat(contract_path(*state), &info), 0);
        assert_true(S_ISLNK(info.st_mode));
        assert_int_equal(stat(target, &info), exists ? 0 : -1);
        assert_true(!exists || info.st_size == 0);
        assert_int_equal(count_entries(*state), 1 + exists);
        assert_int_equal(unlink(contract_path(*state)), 0);
    }
}

/* Half a contract is never visible under its name: writing stops at ten bytes. */
static void test_L12_contract_is_complete_before_it_is_visible(void **state)
{
    struct firma_error err = {0};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = {.rlim_cur = 10, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    int result = write_sample(*state, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(result, -FIRMA_E_SYSTEM);
    assert_int_equal(err.errnum, EFBIG);
    assert_int_equal(count_entries(*state), 0);
    assert_int_equal(write_sample(*state, &err), 0);
}

static void test_broken_contract_is_not_written(void **state)
{
    struct firma_error err = {0};
    struct firma_contract c = sample_contract();
    sample_set(&c.cwd, "relative");
    int fd = open_dir(*state);
    assert_int_equal(firma_contract_write(fd, &c, &err), -FIRMA_E_CONTRACT);
    assert_names(&err, "command.cwd: ");
    assert_int_equal(count_entries(*state), 0);
    close(fd);
    firma_contract_clear(&c);
}

static void test_reader_bounds_the_file(void **state)
{
    int fd = open(contract_path(*state), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, FIRMA_CONTRACT_MAX_BYTES + 1), 0);
    assert_unreadable(contract_path(*state), FIRMA_E_CONTRACT, "more than 4194304 bytes");
    assert_int_equal(ftruncate(fd, FIRMA_CONTRACT_MAX_BYTES), 0);
    assert_unreadable(contract_path(*state), FIRMA_E_CONTRACT, "contract: ends too early");
    close(fd);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, sample_make_dir, sample_remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(test_written_contract_is_read_back),
        IN_DIR(test_L2_contract_is_private_whatever_the_umask),
        IN_DIR(test_L2_reader_refuses_a_file_open_to_others),
        IN_DIR(test_L2_directory_must_be_private),
        IN_DIR(test_L2_parents_must_not_be_writable_by_others),
        IN_DIR(test_L11_reader_never_follows_a_link_to_the_file),
        IN_DIR(test_L11_reader_takes_regular_files_only),
        IN_DIR(test_L11_reader_checks_the_owner),
        IN_DIR(test_L11_links_above_are_resolved_and_checked),
        IN_DIR(test_L12_planted_file_is_refused_and_left_alone),
        IN_DIR(test_L12_planted_links_are_refused_and_not_followed),
        IN_DIR(test_L12_contract_is_complete_before_it_is_visible),
        IN_DIR(test_broken_contract_is_not_written),
        IN_DIR(test_reader_bounds_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
