#include "runner/vm/images/images.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "contract/custody.h"

static int open_place(const char *path, const char *role, int flags, struct firma_error *err)
{
    struct firma_place place;
    int result = firma_custody_locate(path, true, &place, err);
    if (result < 0)
        return firma_wrap(err, "%s", role);
    int fd = openat(place.dirfd, place.name, flags | O_NOFOLLOW | O_CLOEXEC);
    result = fd >= 0 ? fd : firma_fail(err, FIRMA_E_ARTIFACT, errno, "%s: %s", role, place.path);
    firma_place_close(&place);
    return result;
}

int firma_vm_images_dir(const struct firma_contract *contract, struct firma_error *err)
{
    struct firma_place place;
    int result = firma_custody_locate(contract->kernel, true, &place, err);
    if (result < 0)
        return firma_wrap(err, "kernel");
    result = openat(place.dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (result < 0)
        result = firma_fail(err, FIRMA_E_SYSTEM, errno, "the kernel's directory");
    firma_place_close(&place);
    return result;
}

/* O_NONBLOCK, so that a FIFO cannot hold us. */
static int open_image(const char *path, const char *role, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int fd = open_place(path, role, O_RDONLY | O_NONBLOCK, err);
    if (fd < 0)
        return fd;
    int result = firma_custody_file(fd, path, 022, err);
    if (result < 0)
        return firma_wrap(err, "%s", role);
    result = fd;
    fd = -1;
    return result;
}

static int refuse(const char *role, const char *path, const char *how, struct firma_error *err)
{
    return firma_fail(err, FIRMA_E_ARTIFACT, 0,
                      "%s: %.300s is not the one in " FIRMA_VM_MANIFEST_FILE ": its %s differs",
                      role, path, how);
}

static int check_size(int fd, const struct firma_vm_expectation *expected, const char *role,
                      const char *path, struct firma_error *err)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%s", role);
    return (uint64_t)info.st_size == expected->bytes ? 0 : refuse(role, path, "size", err);
}

/* Reads FD, into COPY too if that is one, and says whether it is as EXPECTED. */
static int check_bytes(int fd, int copy, const struct firma_vm_expectation *expected,
                       const char *role, const char *path, struct firma_error *err)
{
    char sha256[FIRMA_SHA256_HEX];
    uint64_t bytes = 0;
    int result = firma_vm_digest(fd, copy, sha256, &bytes, path, err);
    if (result < 0)
        return firma_wrap(err, "%s", role);
    return bytes == expected->bytes && strcmp(sha256, expected->sha256) == 0
               ? 0
               : refuse(role, path, "SHA-256", err);
}

/* Small: the machine gets our copy. */
static int take_copy(const char *path, const char *role,
                     const struct firma_vm_expectation *expected, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int fd = open_image(path, role, err);
    int result = fd < 0 ? fd : check_size(fd, expected, role, path, err);
    if (result < 0)
        return result;
    FIRMA_AUTOCLOSE int copy = firma_vm_pin_open(role, err);
    result = copy < 0 ? copy : check_bytes(fd, copy, expected, role, path, err);
    if (result == 0)
        result = firma_vm_pin_seal(copy, role, err);
    if (result < 0)
        return result;
    result = copy;
    copy = -1;
    return result;
}

/* Large: the machine gets the descriptor that was read. */
static int take_disk(const char *path, const char *role,
                     const struct firma_vm_expectation *expected, int cache,
                     struct firma_error *err)
{
    char sha256[FIRMA_SHA256_HEX];
    FIRMA_AUTOCLOSE int fd = open_image(path, role, err);
    int result = fd < 0 ? fd : check_size(fd, expected, role, path, err);
    if (result < 0)
        return result;
    if (!firma_vm_known_digest(cache, fd, sha256) || strcmp(sha256, expected->sha256) != 0) {
        result = check_bytes(fd, -1, expected, role, path, err);
        if (result < 0)
            return result;
        firma_vm_learn_digest(cache, fd, expected->sha256);
    }
    result = fd;
    fd = -1;
    return result;
}

static int take_all(const struct firma_contract *contract,
                    const struct firma_vm_expectation *expected, int cache,
                    struct firma_vm_images *images, struct firma_error *err)
{
    const char *const paths[] = {contract->kernel, contract->initrd, contract->rootfs};
    for (unsigned i = 0; i < FIRMA_VM_IMAGE_COUNT; i++) {
        const char *role = firma_vm_image_name(i);
        int fd = i == FIRMA_VM_ROOTFS ? take_disk(paths[i], role, &expected[i], cache, err)
                                      : take_copy(paths[i], role, &expected[i], err);
        if (fd < 0)
            return fd;
        images->fd[i] = fd;
    }
    return 0;
}

int firma_vm_images_open(const struct firma_contract *contract, int cache,
                         struct firma_vm_images *out, struct firma_error *err)
{
    struct firma_vm_expectation expected[FIRMA_VM_IMAGE_COUNT];
    struct firma_vm_images images = {-1, {-1, -1, -1}};
    images.dir = firma_vm_images_dir(contract, err);
    int result = images.dir < 0 ? images.dir : firma_vm_manifest_read(images.dir, expected, err);
    if (result == 0)
        result = take_all(contract, expected, cache, &images, err);
    if (result < 0) {
        firma_vm_images_close(&images);
        return result;
    }
    *out = images;
    return 0;
}

void firma_vm_images_close(struct firma_vm_images *images)
{
    for (size_t i = 0; i < FIRMA_VM_IMAGE_COUNT; i++)
        if (images->fd[i] >= 0)
            close(images->fd[i]);
    if (images->dir >= 0)
        close(images->dir);
    *images = (struct firma_vm_images){-1, {-1, -1, -1}};
}
