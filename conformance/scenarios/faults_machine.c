/*
 * faults_machine.c - images that are not those the operator's manifest describes.
 *
 * What is changed leaves an image as good as it was: a machine that boots it all the same runs its
 * command, and is caught by that and not by a kernel that chokes.
 */
#include "scenarios/faults.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char initrd[] = "/lab/artifacts/initrd";
static const char rootfs[] = "/lab/artifacts/rootfs";

enum {
    FIRST_TIME = 53, /* the last digit of the first member's time in an archive, cpio(5) newc */
    BOOT_SECTOR = 0  /* which a file system leaves alone */
};

/* Done twice it is undone; a digit stays a digit. */
static void flip(const char *path, off_t at)
{
    unsigned char byte = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t done = fd < 0 ? -1 : pread(fd, &byte, 1, at);
    byte ^= 1;
    if (done == 1)
        done = pwrite(fd, &byte, 1, at);
    if (fd >= 0)
        close(fd);
    (void)done; /* a fault that was not made shows: the command runs */
}

static void flip_initrd(struct cf_attempt *attempt)
{
    (void)attempt;
    flip(initrd, FIRST_TIME);
}

static void flip_rootfs(struct cf_attempt *attempt)
{
    (void)attempt;
    flip(rootfs, BOOT_SECTOR);
}

static const char *const words[][2] = {{"initrd-changed", "initrd"}, {"rootfs-changed", "rootfs"}};

const char *cf_fault_word(const char *name)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i][0], name) == 0)
            return words[i][1];
    return NULL;
}

const struct cf_fault cf_machine_faults[] = {
    {.name = "initrd-changed", .make = flip_initrd, .undo = flip_initrd},
    {.name = "rootfs-changed", .make = flip_rootfs, .undo = flip_rootfs},
    {.name = NULL},
};
