/* The images: held against the manifest, pinned, and remembered only as long as they are the same.
 */
#include "scratch.h"

#include <errno.h>

#include "runner/vm/cache.h"
#include "runner/vm/images/images.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)

/* sha256sum of "kernel\n", "initrd\n" and "rootfs\n". */
#define KERNEL_SHA256       "a0c936696eb7d5ee3192bf53b9d281cecbb40ca9db520de72cb95817ad92ac72"
#define INITRD_SHA256       "8f7ed204b9dfaa20aa484445f54233c4b407cb80ec0f8c07f1f0a59675fb44cf"
#define ROOTFS_SHA256       "f8a581d4bce57f792444b2230b5706a6f902fbac19a374e76f6a56f030d35cf2"

#define ENTRY(role, digest) "\"" role "\": {\"bytes\": 7, \"sha256\": \"" digest "\"}"
#define MANIFEST(kernel, initrd, rootfs)                                                           \
    "{\"version\": 1, \"images\": {" ENTRY("kernel", kernel) "," ENTRY(                            \
        "initrd", initrd) "," ENTRY("rootfs", rootfs) "}}"

struct scene {
    struct firma_contract contract;
    char kernel[96], initrd[96], rootfs[96];
};

static void set_up(struct scene *scene, const struct scratch *scratch)
{
    *scene = (struct scene){
        .contract = {.kernel = scene->kernel, .initrd = scene->initrd, .rootfs = scene->rootfs}};
    /* Copies may be called anything: the manifest goes by role. */
    snprintf(scene->kernel, sizeof scene->kernel, "%s/a-kernel", scratch->path);
    snprintf(scene->initrd, sizeof scene->initrd, "%s/an-initrd", scratch->path);
    snprintf(scene->rootfs, sizeof scene->rootfs, "%s/a-rootfs", scratch->path);
    scratch_text(scratch, "a-kernel", "kernel\n");
    scratch_text(scratch, "an-initrd", "initrd\n");
    scratch_text(scratch, "a-rootfs", "rootfs\n");
    scratch_text(scratch, FIRMA_VM_MANIFEST_FILE,
                 MANIFEST(KERNEL_SHA256, INITRD_SHA256, ROOTFS_SHA256));
}

static void read_back(int fd, const char *expected)
{
    char text[16] = "";
    assert_int_equal(pread(fd, text, sizeof text - 1, 0), strlen(expected));
    assert_string_equal(text, expected);
}

static void test_what_was_verified_is_what_stays(void **state)
{
    const struct scratch *scratch = *state;
    struct scene scene;
    struct firma_vm_images images;
    struct firma_error err = {0};
    set_up(&scene, scratch);
    assert_int_equal(firma_vm_images_open(&scene.contract, -1, &images, &err), 0);
    /* In place, which changes the file itself, and by another file of that name. */
    int fd = openat(scratch->dir, "a-kernel", O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "KERNEL\n", 7), 7);
    close(fd);
    scratch_text(scratch, "a-rootfs", "ROOTFS\n");
    read_back(images.fd[FIRMA_VM_KERNEL], "kernel\n");
    read_back(images.fd[FIRMA_VM_INITRD], "initrd\n");
    read_back(images.fd[FIRMA_VM_ROOTFS], "rootfs\n");
    assert_int_equal(write(images.fd[FIRMA_VM_KERNEL], "x", 1), -1);
    assert_int_equal(write(images.fd[FIRMA_VM_ROOTFS], "x", 1), -1);
    firma_vm_images_close(&images);
}

static void test_another_file_is_refused_by_name(void **state)
{
    static const struct {
        const char *file, *role, *text, *how;
    } cases[] = {
        {"a-kernel", "kernel", "Kernel\n", "SHA-256"},
        {"an-initrd", "initrd", "Initrd\n", "SHA-256"},
        {"a-rootfs", "rootfs", "Rootfs\n", "SHA-256"},
        {"a-kernel", "kernel", "kernel", "size"},
        {"an-initrd", "initrd", "", "size"},
        {"a-rootfs", "rootfs", "rootfs\n\n", "size"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        struct firma_vm_images images;
        struct firma_error err = {0};
        set_up(&scene, *state);
        scratch_text(*state, cases[i].file, cases[i].text);
        assert_int_equal(firma_vm_images_open(&scene.contract, -1, &images, &err),
                         -FIRMA_E_ARTIFACT);
        assert_memory_equal(err.text, cases[i].role, strlen(cases[i].role));
        assert_non_null(strstr(err.text, cases[i].file));
        assert_non_null(strstr(err.text, cases[i].how));
    }
}

static void test_no_manifest_no_machine(void **state)
{
    static const char *const bad[] = {
        "{\"version\": 2}",
        "{\"version\": 1}",
        "{\"version\": 1, \"images\": {" ENTRY("kernel", KERNEL_SHA256) "}}",
        MANIFEST(KERNEL_SHA256, INITRD_SHA256, ""),
        MANIFEST(KERNEL_SHA256, INITRD_SHA256, ROOTFS_SHA256 "0"),
        "not json",
    };
    const struct scratch *scratch = *state;
    struct scene scene;
    struct firma_vm_images images;
    struct firma_error err = {0};
    set_up(&scene, scratch);
    unlinkat(scratch->dir, FIRMA_VM_MANIFEST_FILE, 0);
    assert_int_equal(firma_vm_images_open(&scene.contract, -1, &images, &err), -FIRMA_E_ARTIFACT);
    assert_non_null(strstr(err.text, "manifest.json: is missing"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        scratch_text(scratch, FIRMA_VM_MANIFEST_FILE, bad[i]);
        assert_int_equal(firma_vm_images_open(&scene.contract, -1, &images, &err),
                         -FIRMA_E_ARTIFACT);
        assert_non_null(strstr(err.text, "manifest.json"));
    }
}

static void test_custody(void **state)
{
    struct scene scene;
    struct firma_vm_images images;
    struct firma_error err = {0};
    set_up(&scene, *state);
    scratch_write(*state, "a-rootfs", 0666, "rootfs\n", 7);
    assert_int_equal(firma_vm_images_open(&scene.contract, -1, &images, &err), -FIRMA_E_CUSTODY);
    assert_non_null(strstr(err.text, "rootfs"));
    scratch_write(*state, "a-rootfs", 0644, "rootfs\n", 7);
    scratch_write(*state, FIRMA_VM_MANIFEST_FILE, 0622, "{}", 2);
    assert_int_equal(firma_vm_images_open(&scene.contract, -1, &images, &err), -FIRMA_E_CUSTODY);
}

/* A file time in the past stands for a file that nobody has touched lately: ctime cannot be set, so
 * what a just written file shows is that it is not remembered. */
static void test_a_fresh_file_is_not_remembered(void **state)
{
    const struct scratch *scratch = *state;
    char sha256[FIRMA_SHA256_HEX];
    scratch_text(scratch, "a-rootfs", "rootfs\n");
    int fd = openat(scratch->dir, "a-rootfs", O_RDONLY | O_CLOEXEC);
    firma_vm_learn_digest(scratch->dir, fd, ROOTFS_SHA256);
    assert_false(firma_vm_known_digest(scratch->dir, fd, sha256));
    close(fd);
}

static void test_a_settled_file_is_remembered(void **state)
{
    const struct scratch *scratch = *state;
    char sha256[FIRMA_SHA256_HEX] = "";
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC); /* any file of long ago */
    assert_true(fd >= 0);
    firma_vm_learn_digest(scratch->dir, fd, ROOTFS_SHA256);
    assert_true(firma_vm_known_digest(scratch->dir, fd, sha256));
    assert_string_equal(sha256, ROOTFS_SHA256);
    int other = open("/etc/group", O_RDONLY | O_CLOEXEC);
    assert_false(firma_vm_known_digest(scratch->dir, other, sha256));
    for (int i = 0; i < 40; i++) /* bounded, and the latest stay */
        firma_vm_learn_digest(scratch->dir, i % 2 == 0 ? other : fd, KERNEL_SHA256);
    assert_true(firma_vm_known_digest(scratch->dir, other, sha256));
    close(other);
    close(fd);
}

static void test_no_cache_within_a_guests_reach(void **state)
{
    const struct scratch *scratch = *state;
    struct firma_mount mount = {.source = (char *)(uintptr_t)scratch->path,
                                .target = (char *)(uintptr_t)scratch->path};
    struct firma_contract contract = {.mounts = &mount, .mount_count = 1};
    assert_int_equal(firma_vm_cache_open(scratch->path, &contract), -1);
    assert_int_equal(firma_vm_cache_open("relative", &contract), -1);
    assert_int_equal(firma_vm_cache_open(NULL, &contract), -1);
    mount.read_only = true;
    int cache = firma_vm_cache_open(scratch->path, &contract);
    assert_true(cache >= 0);
    char text[8];
    assert_false(firma_vm_cache_read(cache, "word", text, sizeof text));
    firma_vm_cache_write(cache, "word", "once\n");
    firma_vm_cache_write(cache, "word", "twice\n");
    assert_true(firma_vm_cache_read(cache, "word", text, sizeof text));
    assert_string_equal(text, "twice\n");
    assert_int_equal(fchmodat(cache, "word", 0644, 0), 0);
    assert_false(firma_vm_cache_read(cache, "word", text, sizeof text));
    unlinkat(cache, "word", 0);
    close(cache);
    unlinkat(scratch->dir, ".cache/firma-vz", AT_REMOVEDIR);
    unlinkat(scratch->dir, ".cache", AT_REMOVEDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_verified_is_what_stays), TEST(test_another_file_is_refused_by_name),
        TEST(test_no_manifest_no_machine),          TEST(test_custody),
        TEST(test_a_fresh_file_is_not_remembered),  TEST(test_a_settled_file_is_remembered),
        TEST(test_no_cache_within_a_guests_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
