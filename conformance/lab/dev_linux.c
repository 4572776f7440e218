/* dev_linux.c - the lab's /dev: harmless devices, its own pseudo-terminals, shared memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/lab_linux.h"

static const char *const DEVICES[] = {"null", "zero", "full", "random", "urandom", "tty"};

static const struct {
    const char *target, *path;
} LINKS[] = {
    {"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"},
    {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
    {"pts/ptmx", "dev/ptmx"},
};

/* Device nodes cannot be made in a user namespace, but the machine's can be bound. */
static int bind_device(const char *name, struct cf_error *err)
{
    char source[32], target[32];
    snprintf(source, sizeof source, "/dev/%s", name);
    snprintf(target, sizeof target, "dev/%s", name);
    int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    if (fd < 0 || mount(source, target, NULL, MS_BIND, NULL) != 0)
        return cf_fail(err, CF_E_LAB, errno, "%s", source);
    return 0;
}

int cf_lab_build_dev(struct cf_error *err)
{
    if (mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755") != 0)
        return cf_fail(err, CF_E_LAB, errno, "/dev");
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof DEVICES / sizeof DEVICES[0]; i++)
        result = bind_device(DEVICES[i], err);
    if (result != 0)
        return result;
    for (size_t i = 0; i < sizeof LINKS / sizeof LINKS[0]; i++)
        if (symlink(LINKS[i].target, LINKS[i].path) != 0)
            return cf_fail(err, CF_E_LAB, errno, "%s", LINKS[i].path);
    if (mkdir("dev/pts", 0755) != 0 || mkdir("dev/shm", 0755) != 0 ||
        mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
              "newinstance,ptmxmode=0666,mode=0620") != 0 ||
        mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0)
        return cf_fail(err, CF_E_LAB, errno, "/dev/pts and /dev/shm");
    return 0;
}
