/* exec_linux.c - runs ip, nft and the id map helpers: trusted folders, empty environment. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lab_linux.h"

static const char *const TRUSTED[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};

static int find_program(const char *name, char path[256])
{
    if (name[0] == '/') {
        snprintf(path, 256, "%s", name);
        return access(path, X_OK);
    }
    for (size_t i = 0; i < sizeof TRUSTED / sizeof TRUSTED[0]; i++) {
        snprintf(path, 256, "%s/%s", TRUSTED[i], name);
        if (access(path, X_OK) == 0)
            return 0;
    }
    return -1;
}

/* A file in memory with TEXT, at its beginning: stdin without a pipe that could fill up. */
static int text_file(const char *text)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    size_t length = strlen(text);
    if (fd >= 0 && (write(fd, text, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

_Noreturn static void exec_program(const char *path, const char *const *argv, int input,
                                   int complaints)
{
    static const char *const environment[] = {"PATH=/usr/sbin:/sbin:/usr/bin:/bin", "LANG=C", NULL};
    dup2(input, 0);
    dup2(complaints, 1);
    dup2(complaints, 2);
    execve(path, (char *const *)argv, (char *const *)environment);
    _exit(127);
}

static int complain(const char *name, int complaints, int status, struct cf_error *err)
{
    char text[512] = "";
    ssize_t got = pread(complaints, text, sizeof text - 1, 0);
    text[got > 0 ? (size_t)got : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return cf_fail(err, CF_E_LAB, 0, "%s failed (status %d): %s", name, status, text);
}

int cf_lab_run(const char *name, const char *const *argv, const char *input, struct cf_error *err)
{
    char path[256];
    if (find_program(name, path) != 0)
        return cf_fail(err, CF_E_LAB, 0, "the program '%s' is not installed", name);
    int in = text_file(input), out = memfd_create("complaints", MFD_CLOEXEC);
    pid_t pid = in < 0 || out < 0 ? -1 : fork();
    if (pid == 0)
        exec_program(path, argv, in, out);
    int status = -1, result = 0;
    if (pid < 0)
        result = cf_fail(err, CF_E_SYSTEM, errno, "%s", name);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid > 0 && status != 0)
        result = complain(name, out, WIFEXITED(status) ? WEXITSTATUS(status) : -1, err);
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return result;
}
