#include "root_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

#define PLACE "/tmp/firma-root"

/* A folder of our own with a file system of TYPE; made once, left to the guest's end. */
static bool own_place(const char *name, const char *type, char path[PROBE_PATH])
{
    struct stat above, below;
    mkdir(PLACE, 0700);
    snprintf(path, PROBE_PATH, PLACE "/%s", name);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return false;
    if (stat(PLACE, &above) == 0 && stat(path, &below) == 0 && above.st_dev != below.st_dev)
        return true;
    return mount(type, path, type, 0, NULL) == 0;
}

bool probe_sysfs(char path[PROBE_PATH])
{
    if (access("/sys/class", R_OK) == 0) {
        strcpy(path, "/sys");
        return true;
    }
    return own_place("sys", "sysfs", path);
}

bool probe_node(char path[PROBE_PATH], const char *name, bool block, unsigned major, unsigned minor)
{
    char place[PROBE_PATH];
    if (!own_place("dev", "tmpfs", place))
        return false;
    snprintf(path, PROBE_PATH, PLACE "/dev/%.64s", name);
    mode_t type = block ? S_IFBLK : S_IFCHR;
    return mknod(path, type | 0600, makedev(major, minor)) == 0 || errno == EEXIST;
}

bool probe_numbers(const char *folder, const char *name, unsigned *major, unsigned *minor)
{
    char path[PROBE_PATH * 2], text[32] = "";
    snprintf(path, sizeof path, "%s/%.64s/dev", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    return got > 0 && sscanf(text, "%u:%u", major, minor) == 2;
}

/* In the new process. */
static void become(const char *const *argv)
{
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

int probe_program(const char *const *argv, int ms)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        become(argv);
    int fd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    bool ended = fd >= 0 && probe_readable(fd, ms);
    if (fd >= 0)
        close(fd);
    if (pid < 0)
        return -1;
    if (!ended)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return ended && WIFEXITED(status) && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}

int probe_load(const struct probe_step *step, const char *module)
{
    const char *const argv[] = {"/sbin/modprobe", module, NULL};
    return probe_owns_kernel(step->self) ? probe_program(argv, 3000) : -1;
}

void probe_find_nics(const struct probe_self *self)
{
    const char *const argv[] = {"/sbin/modprobe", "virtio_net", NULL};
    if (probe_owns_kernel(self))
        probe_program(argv, 10000);
}

static int put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && probe_write(fd, text, strlen(text));
    int failed = written ? 0 : errno;
    if (fd >= 0)
        close(fd);
    return failed;
}

int probe_put_file(const char *path, const char *text)
{
    static const char *const bars[] = {"/proc/sys", "/proc/sysrq-trigger", "/sys"};
    int failed = put(path, text);
    for (size_t i = 0; failed == EROFS && i < sizeof bars / sizeof *bars; i++)
        mount(NULL, bars[i], NULL, MS_REMOUNT | MS_BIND, NULL);
    return failed == EROFS ? put(path, text) : failed;
}
