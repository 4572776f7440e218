#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults.h"

#ifndef SYS_fstat
#define SYS_fstat SYS_newfstatat
#endif

static const char *const roles[] = {"launcher", "guardian", "spawn",  "runner",
                                    "init",     "command",  "sidecar"};

static const struct call {
    long number;
    const char *name;
    int errnum;
} calls[] = {
#define CALL(name, errnum) {SYS_##name, #name, errnum},
#include "calls.def"
#undef CALL
};

enum { CALLS = sizeof calls / sizeof calls[0] };

/* Without these a guest is not confined, not watched, or not what was asked for. */
static const char *const vital[] = {
    "unshare",
    "setns",
    "mount",
    "pivot_root",
    "umount2",
    "move_mount",
    "fsmount",
    "fsopen",
    "fsconfig",
    "mount_setattr",
    "open_tree",
    "seccomp",
    "capset",
    "setgroups",
    "setresuid",
    "setresgid",
    "bind",
    "listen",
    "fchmod",
    "close_range",
    "rt_sigprocmask",
    "clone",
    "clone3",
    "execve",
    "execveat",
    "socketpair",
    "signalfd4",
    "linkat",
    "sethostname",
    "chdir",
    "prctl:NO_NEW_PRIVS",
    "prctl:PDEATHSIG",
    "prctl:SUBREAPER",
    "prctl:CAPBSET_DROP",
    "prctl:DUMPABLE",
    "prctl:CAP_AMBIENT",
    "fcntl:SETFD",
    "socket",
    "ioctl:SIFFLAGS",
    "write:/proc/self/uid_map",
    "write:/proc/self/gid_map",
    "write:/proc/self/setgroups",
    "write:vz-guest-launch.json",
};

static const struct option {
    long call;
    uint64_t value;
    const char *name;
} options[] = {
    {SYS_prctl, PR_SET_PDEATHSIG, "PDEATHSIG"},
    {SYS_prctl, PR_SET_NAME, "NAME"},
    {SYS_prctl, PR_SET_DUMPABLE, "DUMPABLE"},
    {SYS_prctl, PR_SET_NO_NEW_PRIVS, "NO_NEW_PRIVS"},
    {SYS_prctl, PR_GET_NO_NEW_PRIVS, "GET_NO_NEW_PRIVS"},
    {SYS_prctl, PR_CAPBSET_DROP, "CAPBSET_DROP"},
    {SYS_prctl, PR_CAPBSET_READ, "CAPBSET_READ"},
    {SYS_prctl, PR_CAP_AMBIENT, "CAP_AMBIENT"},
    {SYS_prctl, PR_SET_CHILD_SUBREAPER, "SUBREAPER"},
    {SYS_fcntl, F_GETFD, "GETFD"},
    {SYS_fcntl, F_SETFD, "SETFD"},
    {SYS_fcntl, F_GETFL, "GETFL"},
    {SYS_fcntl, F_SETFL, "SETFL"},
    {SYS_fcntl, F_DUPFD_CLOEXEC, "DUPFD"},
    {SYS_epoll_ctl, EPOLL_CTL_ADD, "ADD"},
    {SYS_epoll_ctl, EPOLL_CTL_MOD, "MOD"},
    {SYS_epoll_ctl, EPOLL_CTL_DEL, "DEL"},
    {SYS_ioctl, SIOCGIFFLAGS, "GIFFLAGS"},
    {SYS_ioctl, SIOCSIFFLAGS, "SIFFLAGS"},
    {SYS_ioctl, TCGETS, "TCGETS"},
    {SYS_ioctl, TCSETS, "TCSETS"},
    {SYS_ioctl, TIOCGPGRP, "TIOCGPGRP"},
    {SYS_ioctl, TIOCSPGRP, "TIOCSPGRP"},
};

const char *fault_role_name(int role)
{
    return role >= 0 && role <= FAULT_SIDECAR ? roles[role] : "nobody";
}

int fault_role_find(const char *name)
{
    for (int role = 0; role <= FAULT_SIDECAR; role++)
        if (strcmp(roles[role], name) == 0)
            return role;
    return -1;
}

static const struct call *find_number(long number)
{
    for (size_t i = 0; i < CALLS; i++)
        if (calls[i].number == number)
            return &calls[i];
    return NULL;
}

const char *fault_call_name(long number)
{
    const struct call *call = find_number(number);
    return call != NULL ? call->name : NULL;
}

long fault_call_find(const char *name)
{
    for (size_t i = 0; i < CALLS; i++)
        if (strcmp(calls[i].name, name) == 0)
            return calls[i].number;
    return -1;
}

int fault_call_errno(long number)
{
    const struct call *call = find_number(number);
    return call != NULL ? call->errnum : 0;
}

static int path_argument(long number)
{
    switch (number) {
    case SYS_openat:
    case SYS_newfstatat:
    case SYS_readlinkat:
    case SYS_faccessat:
    case SYS_unlinkat:
    case SYS_mkdirat:
    case SYS_mknodat:
        return 1;
#if defined(__x86_64__)
    case SYS_access:
    case SYS_open:
    case SYS_readlink:
    case SYS_rmdir:
    case SYS_stat:
    case SYS_lstat:
        return 0;
#endif
    default:
        return -1;
    }
}

static void read_path(pid_t pid, uint64_t address, char *out, size_t size)
{
    struct iovec to = {out, size - 1}, from = {(void *)(uintptr_t)address, size - 1};
    size_t page = 4096 - address % 4096;
    if (from.iov_len > page)
        from.iov_len = page;
    ssize_t got = process_vm_readv(pid, &to, 1, &from, 1, 0);
    out[got < 0 ? 0 : got] = '\0';
    for (char *at = out; *at != '\0'; at++)
        if (*at < '!' || *at > '~')
            *at = '?';
}

/* What the descriptor leads to. */
static void name_descriptor(pid_t pid, int fd, char *out, size_t size)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, fd);
    ssize_t length = readlink(link, out, size - 1);
    out[length < 0 ? 0 : length] = '\0';
}

static bool is_on_file(long number)
{
    return number == SYS_read || number == SYS_write || number == SYS_close ||
           number == SYS_pread64 || number == SYS_getdents64 || number == SYS_mmap;
}

void fault_call_detail(pid_t pid, long number, const uint64_t *arguments, char *out, size_t size)
{
    uint64_t value = arguments[number == SYS_prctl ? 0 : 1];
    int path = path_argument(number);
    out[0] = '\0';
    if (path >= 0) {
        read_path(pid, arguments[path], out, size);
        if (out[0] == '\0' && path == 1) /* AT_EMPTY_PATH */
            name_descriptor(pid, (int)arguments[0], out, size);
        return;
    }
    if (number == SYS_setsockopt || number == SYS_getsockopt)
        snprintf(out, size, "%d/%d", (int)arguments[1], (int)arguments[2]);
    else if (number == SYS_rt_sigaction || number == SYS_kill)
        snprintf(out, size, "%d", (int)arguments[number == SYS_kill ? 1 : 0]);
    else if (is_on_file(number))
        name_descriptor(pid, (int)arguments[number == SYS_mmap ? 4 : 0], out, size);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options[i].call == number && options[i].value == value)
            snprintf(out, size, "%s", options[i].name);
    if (number == SYS_fcntl && (size_t)snprintf(NULL, 0, "%s:", out) < size) {
        size_t used = strlen(out);
        out[used++] = ':';
        name_descriptor(pid, (int)arguments[0], out + used, size - used);
    }
}

bool fault_call_is_vital(const char *name, const char *detail)
{
    for (size_t i = 0; i < sizeof vital / sizeof vital[0]; i++) {
        size_t length = strcspn(vital[i], ":");
        if (strncmp(vital[i], name, length) != 0 || name[length] != '\0')
            continue;
        if (vital[i][length] == '\0' || strcmp(vital[i] + length + 1, detail) == 0)
            return true;
    }
    return false;
}
