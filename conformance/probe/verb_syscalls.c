/* verb_syscalls.c - which of a few harmless system calls a filter lets through. */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "verbs.h"

static int try_mkdir(const char *name)
{
    return mkdir(name, 0700);
}

static int try_rmdir(const char *name)
{
    return rmdir(name);
}

static int try_symlink(const char *name)
{
    int made = symlink("nowhere", name);
    if (made == 0)
        unlink(name);
    return made;
}

static int try_getppid(const char *name)
{
    (void)name;
    return getppid() < 0 ? -1 : 0;
}

static int try_getpriority(const char *name)
{
    (void)name;
    errno = 0;
    return getpriority(PRIO_PROCESS, 0) == -1 && errno != 0 ? -1 : 0;
}

static int try_uname(const char *name)
{
    struct utsname info;
    (void)name;
    return uname(&info);
}

static int try_socket(const char *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)name;
    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

int probe_verb_syscalls(int argc, char **argv, char **envp)
{
    (void)argv, (void)envp;
    static const struct {
        const char *name;
        int (*call)(const char *name);
    } calls[] = {{"mkdir", try_mkdir},     {"rmdir", try_rmdir}, {"symlink", try_symlink},
                 {"getppid", try_getppid}, {"uname", try_uname}, {"getpriority", try_getpriority},
                 {"socket", try_socket}};
    struct probe_text text = {0};
    char name[64];
    if (argc != 1)
        return -1;
    snprintf(name, sizeof name, "firma-probe-%ld", (long)getpid());
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        errno = 0;
        const char *said = calls[i].call(name) == 0 ? "ok" : probe_errno_name(errno);
        probe_put(&text, "%s\"%s\":\"%s\"", i == 0 ? "{" : ",", calls[i].name, said);
    }
    probe_put(&text, "}\n");
    return probe_write(STDOUT_FILENO, text.data, text.used) ? 0 : 74;
}
