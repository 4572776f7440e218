#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

const char *probe_param(const struct probe_step *step, const char *key, const char *otherwise)
{
    size_t length = strlen(key);
    for (size_t i = 0; i < step->params; i++) {
        if (strncmp(step->param[i], key, length) == 0 && step->param[i][length] == '=')
            return step->param[i] + length + 1;
    }
    return otherwise;
}

long probe_param_number(const struct probe_step *step, const char *key, long otherwise)
{
    const char *text = probe_param(step, key, NULL);
    long value = otherwise;
    if (text != NULL)
        probe_number(text, 0, 1L << 30, &value);
    return value;
}

int probe_left(const struct probe_step *step, size_t tries)
{
    const uint64_t margin = 50 * 1000000u;
    uint64_t now = probe_now();
    if (now + margin >= step->expires)
        return 1;
    uint64_t left = (step->expires - now - margin) / 1000000u / (tries == 0 ? 1 : tries);
    return left < 1 ? 1 : (int)left;
}

__attribute__((format(printf, 2, 0))) static void note(struct probe_outcome *out,
                                                       const char *format, va_list args)
{
    size_t used = strlen(out->detail);
    if (used > 0 && used + 2 < sizeof out->detail) {
        memcpy(out->detail + used, "; ", 3);
        used += 2;
    }
    vsnprintf(out->detail + used, sizeof out->detail - used, format, args);
}

static void keep(struct probe_outcome *out, int result, int errnum)
{
    if (result < out->result)
        return;
    out->result = result;
    out->errnum = result >= PROBE_SENT ? 0 : errnum;
}

void probe_try(struct probe_outcome *out, enum probe_result result, int errnum, const char *format,
               ...)
{
    va_list args;
    va_start(args, format);
    note(out, format, args);
    va_end(args);
    keep(out, (int)result, errnum);
}

void probe_try_errno(struct probe_outcome *out, int errnum, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(out, format, args);
    va_end(args);
    size_t used = strlen(out->detail);
    snprintf(out->detail + used, sizeof out->detail - used, ": %s", probe_errno_name(errnum));
    keep(out, errnum == ETIMEDOUT ? PROBE_TIMEOUT : PROBE_REFUSED, errnum);
}

const char *probe_result_name(int result)
{
    static const char *const names[] = {"error",   "unsupported", "crashed",   "timeout",
                                        "refused", "sent",        "connected", "answered"};
    return result >= 0 && result <= PROBE_ANSWERED ? names[result] : "error";
}

static bool one_stream;

bool probe_is_one_stream(void)
{
    return one_stream;
}

static bool is_same_file(int one, int other)
{
    struct stat a, b;
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* In the new process. Standard input and output belong to the plan's dialogue, not to attempts. */
static void attempt(const struct probe_step *step, int report)
{
    struct probe_outcome out = {0};
    int null = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    one_stream = is_same_file(STDOUT_FILENO, STDERR_FILENO);
    if (null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
        if (null > 2)
            close(null);
    }
    signal(SIGPIPE, SIG_IGN);
    alarm((unsigned)(step->deadline_ms / 1000 + 2)); /* should the parent be gone */
    probe_technique *technique = probe_find(step->technique);
    if (technique == NULL)
        probe_try(&out, PROBE_ERROR, EINVAL, "no technique `%s`", step->technique);
    else
        technique(step, &out);
    probe_write(report, &out, sizeof out);
    _exit(0);
}

/* Whether the report arrived before STEP's deadline. One write of less than PIPE_BUF: all or none.
 */
static bool await_report(const struct probe_step *step, int fd, struct probe_outcome *out)
{
    for (;;) {
        uint64_t now = probe_now();
        if (now >= step->expires)
            return false;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, (int)((step->expires - now) / 1000000u) + 1);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready > 0)
            return read(fd, out, sizeof *out) == (ssize_t)sizeof *out;
    }
}

/* Why there is no report, from the process's end or its lack of one. */
static void explain(struct probe_outcome *out, pid_t ended, int status)
{
    memset(out, 0, sizeof *out);
    if (ended == 0)
        probe_try(out, PROBE_TIMEOUT, ETIMEDOUT, "killed at the deadline");
    else if (WIFSIGNALED(status))
        probe_try(out, PROBE_CRASHED, 0, "died of signal %d", WTERMSIG(status));
    else
        probe_try(out, PROBE_CRASHED, 0, "exit status %d without a report", WEXITSTATUS(status));
}

static pid_t reap(pid_t pid, int *status, int flags)
{
    pid_t ended;
    do
        ended = waitpid(pid, status, flags);
    while (ended < 0 && errno == EINTR);
    return ended;
}

static void supervise(struct probe_step *step, pid_t pid, int fd, struct probe_outcome *out)
{
    int status = 0;
    bool reported = await_report(step, fd, out);
    /* Before the deadline the pipe only ends when the process does. */
    bool early = !reported && probe_now() < step->expires;
    pid_t ended = reported ? 0 : reap(pid, &status, early ? 0 : WNOHANG);
    if (!reported)
        explain(out, ended, status);
    kill(-pid, SIGKILL);
    if (ended == 0) {
        kill(pid, SIGKILL);
        reap(pid, &status, 0);
    }
}

void probe_attempt(struct probe_step *step, struct probe_outcome *out, pid_t *pid)
{
    int fds[2];
    memset(out, 0, sizeof *out);
    step->expires = probe_now() + (uint64_t)step->deadline_ms * 1000000u;
    *pid = -1;
    if (pipe(fds) != 0) {
        probe_try_errno(out, errno, "pipe");
        return;
    }
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    *pid = fork();
    if (*pid == 0) {
        close(fds[0]);
        attempt(step, fds[1]);
    }
    close(fds[1]);
    if (*pid < 0) {
        probe_try_errno(out, errno, "fork");
    } else {
        setpgid(*pid, *pid); /* both sides do it: whoever is first */
        supervise(step, *pid, fds[0], out);
    }
    close(fds[0]);
}
