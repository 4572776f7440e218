/* isolation_linux.c - what a lab keeps in, and out. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "lab/lab_linux.h"
#include "lab_test.h"

/* The evidence folder is below a bound-in folder of the machine, so it is there, and read-only. */
static int evidence_is_covered(struct cf_lab *lab, void *context)
{
    char output[256], path[128];
    snprintf(path, sizeof path, "%s/lab.jsonl", (const char *)context);
    CHECK(access(context, F_OK) == 0);
    CHECK(subject(lab, false, output, "look", context, NULL) == 0);
    CHECK(subject(lab, false, output, "look", path, NULL) == 1);
    CHECK_TEXT(output, "ENOENT");
    CHECK(subject(lab, false, output, "uncover", context, NULL) == 1);
    CHECK_TEXT(output, "EPERM");
    CHECK(subject(lab, false, output, "nested", "uncover", context, NULL) == 1);
    CHECK_TEXT(output, "EINVAL"); /* a locked mount */
    return 0;
}

/* The harness may override file modes, the subject may not: the mount stops the one, and either the
 * mount or the mode the other. */
static int machine_is_read_only(struct cf_lab *lab, void *context)
{
    char output[256], path[128];
    snprintf(path, sizeof path, "%s/planted", (const char *)context);
    CHECK(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EROFS);
    CHECK(mkdir("/usr/planted", 0700) < 0 && errno == EROFS);
    CHECK(subject(lab, false, output, "write", path, NULL) == 1);
    CHECK(strcmp(output, "EROFS") == 0 || strcmp(output, "EACCES") == 0);
    CHECK(subject(lab, false, output, "remount", "/usr", NULL) == 1);
    CHECK_TEXT(output, "EPERM");
    CHECK(subject(lab, false, output, "nested", "remount", "/usr", NULL) == 1);
    CHECK_TEXT(output, "EPERM");
    CHECK(subject(lab, false, output, "write", "/proc/sys/kernel/core_pattern", NULL) == 1);
    CHECK_TEXT(output, "EACCES");
    CHECK(subject(lab, false, output, "write", "/lab/work/own", NULL) == 0);
    CHECK(subject(lab, false, output, "write", "/tmp/own", NULL) == 0);
    return 0;
}

/* Nobody but the machine's owner of the evidence owns the evidence afterwards. */
static int evidence_is_ours(int evidence)
{
    DIR *folder = fdopendir(dup(evidence));
    const struct dirent *entry;
    struct stat state;
    int files = 0, alien = 0;
    while ((entry = readdir(folder)) != NULL) {
        fstatat(evidence, entry->d_name, &state, 0);
        alien +=
            entry->d_name[0] != '.' && (state.st_uid != geteuid() || (state.st_mode & 077) != 0);
        files += entry->d_name[0] != '.';
    }
    closedir(folder);
    CHECK(files >= 6 && alien == 0);
    CHECK(faccessat(evidence, "planted", F_OK, 0) != 0);
    return 0;
}

static unsigned visible(void)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    unsigned count = 0;
    while ((entry = readdir(proc)) != NULL)
        count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
    closedir(proc);
    return count;
}

/* Init, harness, three observers; a subject sees its init and itself, and may touch neither the
 * one nor the lab. */
static int processes_are_apart(struct cf_lab *lab, void *context)
{
    char output[256];
    (void)context;
    CHECK(visible() == 5);
    CHECK(subject(lab, false, output, "look", "/proc/1", NULL) == 0);
    CHECK(subject(lab, false, output, "look", "/proc/4", NULL) == 1);
    CHECK(subject(lab, false, output, "look", "/proc/1/environ", NULL) == 0);
    CHECK(subject(lab, false, output, "trace", "1", NULL) == 1);
    CHECK_TEXT(output, "EPERM");
    CHECK(subject(lab, false, output, "uncover", "/proc", NULL) == 1);
    CHECK_TEXT(output, "EPERM");
    return 0;
}

static int vsock_is_denied(struct cf_lab *lab, void *context)
{
    char output[256];
    (void)context;
    CHECK(socket(AF_VSOCK, SOCK_STREAM, 0) < 0 && errno == EPERM);
    CHECK(subject(lab, false, output, "vsock", NULL) == 1);
    CHECK_TEXT(output, "EPERM");
    return 0;
}

static int root_is_its_own(struct cf_lab *lab, void *context)
{
    static const char *const folders[] = {"/",    "/lab",      "/lab/bin",       "/lab/run",
                                          "/run", "/lab/work", "/lab/artifacts", "/lab/runner"};
    struct stat state;
    (void)lab;
    (void)context;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        CHECK(stat(folders[i], &state) == 0 && state.st_uid == 0 && (state.st_mode & 022) == 0);
    CHECK(stat("/lab/run", &state) == 0 && (state.st_mode & 0777) == 0700);
    CHECK(stat("/tmp", &state) == 0 && (state.st_mode & 07777) == 01777);
    CHECK(stat("/lab/bin/lab-subject", &state) == 0 && (state.st_mode & 0777) == 0755);
    CHECK(lstat("/etc/resolv.conf", &state) == 0 && S_ISREG(state.st_mode));
    CHECK(access("/run/nscd/socket", F_OK) == 0 && access("/dev/kvm", F_OK) != 0);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    return 0;
}

/* LAB_TEST_ETC_MOUNTED: something is mounted below the machine's, see mounted_etc.sh. */
static int etc_is_the_machines(struct cf_lab *lab, void *context)
{
    struct statfs filesystem;
    (void)lab;
    (void)context;
    CHECK(access("/etc/passwd", R_OK) == 0 && access("/etc/group", R_OK) == 0);
    CHECK(access("/etc/upper", F_OK) != 0 && access("/etc/work", F_OK) != 0);
    CHECK(cf_lab_put("/etc/resolv.conf", "nameserver 192.0.2.1\n") == 0);
    CHECK(cf_lab_put("/etc/hostname", "replaced\n") == 0);
    CHECK(statfs("/etc", &filesystem) == 0);
    CHECK(getenv("LAB_TEST_ETC_MOUNTED") == NULL || filesystem.f_type != OVERLAYFS_SUPER_MAGIC);
    return 0;
}

static int etc_is_unchanged(int evidence)
{
    char name[16] = "";
    int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    (void)evidence;
    CHECK(fd < 0 || (read(fd, name, sizeof name - 1) >= 0 && close(fd) == 0));
    CHECK(strncmp(name, "replaced\n", 9) != 0); /* what was there may stand behind it */
    return 0;
}

static int no_stray_descriptors(struct cf_lab *lab, void *context)
{
    char output[256];
    (void)context;
    CHECK(subject(lab, false, output, "look", "/proc/self/fd/2", NULL) == 0);
    CHECK(subject(lab, false, output, "look", "/proc/self/fd/3", NULL) == 1);
    return 0;
}

const struct lab_case ISOLATION_CASES[] = {
    {"evidence is covered", evidence_is_covered, NULL, false, true},
    {"the machine is read-only", machine_is_read_only, evidence_is_ours, false, false},
    {"processes are apart", processes_are_apart, NULL, false, false},
    {"AF_VSOCK is denied", vsock_is_denied, NULL, false, false},
    {"the root is the lab's own", root_is_its_own, NULL, false, false},
    {"/etc is the machine's", etc_is_the_machines, etc_is_unchanged, false, false},
    {"a command inherits nothing", no_stray_descriptors, NULL, false, false},
    {NULL, NULL, NULL, false, false},
};
