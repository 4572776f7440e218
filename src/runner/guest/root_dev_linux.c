/*
 * The guest's /dev: a handful of harmless devices, terminals of its own, and the usual links.
 * A device node cannot be made in a user namespace, so the host's are mounted one by one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/mountapi_linux.h"
#include "runner/guest/root_linux.h"

enum { DEVICE = FIRMA_MNT_NOSUID | FIRMA_MNT_NOEXEC };

static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};

static const struct {
    const char *name;
    const char *target;
} links[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};

static int bind_device(int dev, const char *name, struct firma_error *err)
{
    char source[32];
    snprintf(source, sizeof source, "/dev/%s", name);
    int result = firma_root_file(dev, name, err);
    return result < 0 ? result : firma_root_bind(dev, name, source, DEVICE, err);
}

static int mount_terminals(int dev, struct firma_error *err)
{
    static const char *const terminal[] = {"ptmxmode", "0666", "mode", "0620", NULL};
    int result = firma_root_directory(dev, "pts", 0755, err);
    if (result == 0)
        result = firma_root_directory(dev, "shm", 01777, err);
    if (result == 0)
        result = firma_root_mount(dev, "pts", "devpts", terminal, DEVICE, err);
    if (result == 0)
        result = firma_root_part(dev, "shm", DEVICE | FIRMA_MNT_NODEV, err);
    return result;
}

int firma_root_build_dev(int root, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int dev = openat(root, "dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dev < 0)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "guest's /dev");
    int result = 0;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0] && result == 0; i++)
        result = bind_device(dev, devices[i], err);
    for (size_t i = 0; i < sizeof links / sizeof links[0] && result == 0; i++)
        result = firma_root_link(dev, links[i].name, links[i].target, err);
    return result < 0 ? result : mount_terminals(dev, err);
}
