#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/mountapi_linux.h"
#include "runner/guest/root_linux.h"
#include "runner/vm/init/init.h"

#define LOWER  "/lower"
#define UPPER  "/upper"
#define PLACE  "/place"
#define SHARES "/shares"

static int make_directory(const char *path, struct firma_error *err)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "%s", path);
    return 0;
}

static int mount_on(const char *source, const char *target, const char *type, unsigned long flags,
                    const char *options, struct firma_error *err)
{
    int result = make_directory(target, err);
    if (result == 0 && mount(source, target, type, flags, options) < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "%s (%s) on %s", source, type, target);
    return result;
}

/* What the command writes goes to memory and is gone with the machine. */
static int mount_image(struct firma_error *err)
{
    int result = firma_init_await_disk(err);
    if (result == 0)
        result = mount_on("/dev/" FIRMA_INIT_DISK, LOWER, "ext4", MS_RDONLY | MS_NODEV, NULL, err);
    if (result == 0)
        result = mount_on("tmpfs", UPPER, "tmpfs", MS_NODEV, "mode=0755", err);
    if (result == 0)
        result = make_directory(UPPER "/data", err);
    if (result == 0)
        result = make_directory(UPPER "/work", err);
    if (result == 0)
        result = mount_on("overlay", PLACE, "overlay", MS_NODEV,
                          "lowerdir=" LOWER ",upperdir=" UPPER "/data,workdir=" UPPER "/work", err);
    return result;
}

/* The image's own directories of these names are covered. */
static int cover(int root, struct firma_error *err)
{
    static const struct {
        const char *name, *mode;
        mode_t bits;
    } fresh[] = {{"dev", "0755", 0755}, {"run", "0755", 0755}, {"tmp", "1777", 01777}};
    for (size_t i = 0; i < sizeof fresh / sizeof fresh[0]; i++) {
        const char *const options[] = {"mode", fresh[i].mode, NULL};
        unsigned attributes = FIRMA_MNT_NOSUID | FIRMA_MNT_NODEV;
        (void)mkdirat(root, fresh[i].name, fresh[i].bits);
        int result = firma_root_mount(root, fresh[i].name, "tmpfs", options, attributes, err);
        if (result < 0)
            return result;
    }
    (void)mkdirat(root, "proc", 0755);
    return 0;
}

static int write_resolver(int root, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int etc = openat(root, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (etc < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's /etc");
    (void)unlinkat(etc, "resolv.conf", 0);
    (void)unlinkat(etc, "nsswitch.conf", 0);
    return firma_guest_write_resolver(etc, err);
}

static int build_proc(int root, struct firma_error *err)
{
    struct firma_root_covers covers;
    int result = firma_root_mount_proc(root, NULL, &covers, err);
    if (result < 0)
        return result;
    result = firma_root_restrict_proc(root, &covers, err);
    firma_root_covers_close(&covers);
    return result;
}

/* The host shares each mount's source as a directory with its number; targets stay what they are.
 */
static int attach_shares(struct firma_contract *contract, int root, struct firma_error *err)
{
    int trees[FIRMA_MAX_MOUNTS];
    if (contract->mount_count == 0)
        return 0;
    int result = mount_on(FIRMA_INIT_SHARES, SHARES, "virtiofs", MS_NOSUID | MS_NODEV, NULL, err);
    for (size_t i = 0; i < contract->mount_count && result == 0; i++) {
        char path[32];
        snprintf(path, sizeof path, SHARES "/%zu", i);
        result = firma_contract_set_text(&contract->mounts[i].source, path, err);
    }
    if (result == 0)
        result = firma_guest_clone_mounts(contract, trees, err);
    if (result != 0)
        return result;
    result = firma_guest_attach_mounts(contract, trees, root, err);
    for (size_t i = 0; i < contract->mount_count; i++)
        close(trees[i]);
    return result;
}

/* An initramfs cannot be pivoted away; the new root is moved over it. */
static int enter(void)
{
    return chdir(PLACE) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
                   chdir("/") < 0
               ? -1
               : 0;
}

int firma_init_build_place(struct firma_contract *contract, struct firma_error *err)
{
    umask(0);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's mount namespace");
    int result = mount_image(err);
    if (result < 0)
        return result;
    FIRMA_AUTOCLOSE int root = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's root");
    result = cover(root, err);
    if (result == 0)
        result = write_resolver(root, err);
    if (result == 0)
        result = firma_root_build_dev(root, err);
    if (result == 0)
        result = build_proc(root, err);
    if (result == 0)
        result = attach_shares(contract, root, err);
    if (result == 0 && enter() < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's root: enter");
    return result;
}
