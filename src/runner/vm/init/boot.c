#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/vm/init/init.h"

enum { DEVICE_MS = 20000 };

static const struct {
    const char *type, *target;
} early[] = {{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}};

static int mount_early(struct firma_error *err)
{
    for (size_t i = 0; i < sizeof early / sizeof early[0]; i++) {
        const char *target = early[i].target;
        if (mkdir(target, 0755) < 0 && errno != EEXIST)
            return firma_fail(err, FIRMA_E_MOUNT, errno, "initramfs: %s", target);
        /* EBUSY: the kernel has mounted it already. */
        if (mount(early[i].type, target, early[i].type, MS_NOSUID | MS_NOEXEC, NULL) < 0 &&
            errno != EBUSY)
            return firma_fail(err, FIRMA_E_MOUNT, errno, "initramfs: %s", target);
    }
    return 0;
}

static int load_module(const char *path, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "module %s", path);
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "module %s: load", path);
    return 0;
}

/* Loads what the image's maker listed; a kernel with everything built in has no list. */
static int load_modules(struct firma_error *err)
{
    char line[512];
    FILE *list = fopen(FIRMA_INIT_MODULES, "re");
    if (list == NULL)
        return errno == ENOENT ? 0 : firma_fail(err, FIRMA_E_SYSTEM, errno, FIRMA_INIT_MODULES);
    int result = 0;
    while (result == 0 && fgets(line, sizeof line, list) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#')
            result = load_module(line, err);
    }
    fclose(list);
    return result;
}

/* A kernel without a console leaves 0 to 2 closed; no descriptor of ours may take those numbers. */
static int fill_standard(struct firma_error *err)
{
    for (;;) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return firma_fail(err, FIRMA_E_SYSTEM, errno, "/dev/null");
        if (fd > 2) {
            close(fd);
            return 0;
        }
    }
}

int firma_init_boot(struct firma_error *err)
{
    int result = mount_early(err);
    if (result == 0)
        result = fill_standard(err);
    return result < 0 ? result : load_modules(err);
}

/* Devices come to be in the kernel's own time, and it tells so on this socket (see
 * kobject_uevent.c); a look after each word, so none is missed. */
static int open_events(struct firma_error *err)
{
    const struct sockaddr_nl everyone = {.nl_family = AF_NETLINK, .nl_groups = 1};
    FIRMA_AUTOCLOSE int fd =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&everyone, sizeof everyone) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "device events");
    int result = fd;
    fd = -1;
    return result;
}

static int await(int (*look)(void), const char *what, struct firma_error *err)
{
    char scrap[4096];
    FIRMA_AUTOCLOSE int events = open_events(err);
    if (events < 0)
        return events;
    for (;;) {
        int found = look();
        if (found >= 0)
            return found;
        struct pollfd polled = {.fd = events, .events = POLLIN};
        if (poll(&polled, 1, DEVICE_MS) <= 0)
            return firma_fail(err, FIRMA_E_SYSTEM, ETIMEDOUT, "no %s", what);
        while (recv(events, scrap, sizeof scrap, 0) > 0)
            ;
    }
}

static bool is_our_port(const char *entry)
{
    char path[300], name[64] = "";
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%.200s/name", entry);
    FIRMA_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, name, sizeof name - 1);
    if (got <= 0)
        return false;
    name[strcspn(name, "\n")] = '\0';
    return strcmp(name, FIRMA_INIT_PORT) == 0;
}

static int look_for_port(void)
{
    int fd = -1;
    DIR *ports = opendir("/sys/class/virtio-ports");
    if (ports == NULL)
        return -1;
    struct dirent *entry;
    while (fd < 0 && (entry = readdir(ports)) != NULL)
        if (entry->d_name[0] != '.' && is_our_port(entry->d_name)) {
            char path[300];
            snprintf(path, sizeof path, "/dev/%.200s", entry->d_name);
            fd = open(path, O_RDWR | O_CLOEXEC);
        }
    closedir(ports);
    return fd;
}

/* A blocking write waits for the host's end to be open; a read would be told "hung up" before. */
int firma_init_open_channel(struct firma_error *err)
{
    uint8_t payload[8], bytes[FIRMA_FRAME_HEADER + sizeof payload];
    FIRMA_AUTOCLOSE int fd = await(look_for_port, "virtio port " FIRMA_INIT_PORT, err);
    if (fd < 0)
        return fd;
    firma_put32(payload, FIRMA_WORD_HELLO);
    firma_put32(payload + 4, FIRMA_VM_PROTOCOL);
    const struct firma_frame hello = {FIRMA_FRAME_WORD, 0, payload, sizeof payload};
    size_t size = firma_frame_encode(&hello, bytes);
    if (write(fd, bytes, size) != (ssize_t)size || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "channel");
    int result = fd;
    fd = -1;
    return result;
}

static int look_for_disk(void)
{
    return access("/dev/" FIRMA_INIT_DISK, F_OK) == 0 ? 0 : -1;
}

int firma_init_await_disk(struct firma_error *err)
{
    return await(look_for_disk, "disk " FIRMA_INIT_DISK, err);
}

int firma_init_refresh(const struct firma_block *block, struct firma_error *err)
{
    const struct timespec now = {.tv_sec = (time_t)block->seconds, .tv_nsec = block->nanoseconds};
    struct {
        int bits, size;
        uint8_t bytes[FIRMA_BLOCK_ENTROPY];
    } entropy = {.bits = FIRMA_BLOCK_ENTROPY * 8, .size = FIRMA_BLOCK_ENTROPY};
    memcpy(entropy.bytes, block->entropy, sizeof entropy.bytes);
    FIRMA_AUTOCLOSE int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, RNDADDENTROPY, &entropy) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's entropy");
    if (clock_settime(CLOCK_REALTIME, &now) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's clock");
    return 0;
}
