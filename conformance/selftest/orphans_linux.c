/*
 * orphans_linux.c - SIGKILL of the suite in the middle of a run leaves no process behind.
 *
 * This program is the suite's subreaper. When a guest is up, it opens a pidfd of every process that
 * descends from the suite (the suite, guards, labs, observers, launcher, runner, probe), kills the
 * suite alone, and waits for all of them to end within a bound.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAMILY = 256, UP_MS = 20000, GONE_MS = 5000 };

struct family {
    pid_t pids[FAMILY];
    struct pollfd ends[FAMILY];
    int count;
};

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int complain(const char *what)
{
    fprintf(stderr, "selftest-orphans: %s\n", what);
    return 1;
}

/* Field 4 of /proc/PID/stat. */
static pid_t parent_of(pid_t pid)
{
    char path[64], line[1024] = "";
    int parent = -1;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *in = fopen(path, "re");
    const char *at = in == NULL || fgets(line, sizeof line, in) == NULL ? NULL : strrchr(line, ')');
    if (at != NULL)
        sscanf(at + 1, " %*c %d", &parent);
    if (in != NULL)
        fclose(in);
    return parent;
}

static bool descends(pid_t pid, pid_t from)
{
    for (int depth = 0; depth < 64 && pid > 1; depth++, pid = parent_of(pid))
        if (pid == from)
            return true;
    return false;
}

/* Opens a pidfd of each process below ROOT and of ROOT itself. */
static void gather(struct family *family, pid_t root)
{
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 1 || family->count == FAMILY || !descends(pid, root))
            continue;
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (fd < 0)
            continue;
        family->pids[family->count] = pid;
        family->ends[family->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    if (proc != NULL)
        closedir(proc);
}

static bool has_command(const struct family *family, const char *word)
{
    for (int i = 0; i < family->count; i++) {
        char path[64], line[4096] = "";
        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)family->pids[i]);
        FILE *in = fopen(path, "re");
        size_t got = in == NULL ? 0 : fread(line, 1, sizeof line - 1, in);
        if (in != NULL)
            fclose(in);
        if (memmem(line, got, word, strlen(word)) != NULL)
            return true;
    }
    return false;
}

static void release(struct family *family)
{
    for (int i = 0; i < family->count; i++)
        close(family->ends[i].fd);
    family->count = 0;
}

/* Waits until a runner and the observers are up: then every kind of process is. */
static bool await_up(struct family *family, pid_t suite)
{
    for (long deadline = now_ms() + UP_MS; now_ms() < deadline; release(family)) {
        gather(family, suite);
        if (has_command(family, "--launch-contract") && has_command(family, "fake-sidecar") &&
            has_command(family, "firma-probe"))
            return true;
        poll(NULL, 0, 10); /* other processes' births cannot be waited for */
    }
    return false;
}

/* The number of processes that are still there at the deadline. */
static int count_alive(struct family *family)
{
    long deadline = now_ms() + GONE_MS;
    int alive = 0;
    for (int i = 0; i < family->count; i++) {
        long left = deadline - now_ms();
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        if (poll(&family->ends[i], 1, left > 0 ? (int)left : 0) != 1) {
            fprintf(stderr, "process %d is alive\n", (int)family->pids[i]);
            alive++;
        }
    }
    return alive;
}

static pid_t start(const char *directory)
{
    char program[4096], out[256];
    const char *bin = getenv("FIRMA_BIN");
    snprintf(program, sizeof program, "%s/firma-conform", bin == NULL ? "." : bin);
    snprintf(out, sizeof out, "%s/out", directory);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    execl(program, program, "run", "--row", "late", "--row", "net", "--out", out, (char *)NULL);
    _exit(127);
}

static int strike(const char *directory)
{
    static struct family family;
    pid_t suite = start(directory);
    if (suite < 0 || !await_up(&family, suite)) {
        kill(suite, SIGKILL);
        return complain("the run never came up");
    }
    if (family.count < 10)
        return complain("too few processes were found to mean anything");
    kill(suite, SIGKILL);
    int alive = count_alive(&family);
    printf("%d processes were up, %d outlived the suite\n", family.count, alive);
    int left = 0;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    if (waitpid(-1, NULL, WNOHANG) == 0) /* a child that still runs: born while we looked */
        left = complain("a process of the run was left to us");
    return alive > 0 || left != 0;
}

int main(void)
{
    char directory[] = "/tmp/firma-selftest-XXXXXX", command[64];
    if (mkdtemp(directory) == NULL || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return complain(strerror(errno));
    int status = strike(directory);
    snprintf(command, sizeof command, "%s", directory);
    pid_t remover = fork();
    if (remover == 0) {
        execlp("rm", "rm", "-rf", command, (char *)NULL);
        _exit(127);
    }
    waitpid(remover, NULL, 0);
    return status;
}
