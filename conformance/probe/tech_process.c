/* tech_process.c - the same attempt from somewhere else: child, daemon, other program, thread. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

/* Takes over what a descendant reported through FD. */
static void receive(const struct probe_step *step, int fd, struct probe_outcome *out)
{
    struct probe_outcome inner;
    if (!probe_readable(fd, probe_left(step, 1)))
        probe_try_errno(out, ETIMEDOUT, "no report from %s", step->technique);
    else if (read(fd, &inner, sizeof inner) != (ssize_t)sizeof inner)
        probe_try(out, PROBE_CRASHED, 0, "%s ended without a report", step->technique);
    else
        *out = inner;
}

static void report_then(const struct probe_step *step, int fd)
{
    struct probe_outcome inner = {0};
    alarm((unsigned)(step->deadline_ms / 1000 + 1));
    probe_then(step, &inner);
    probe_write(fd, &inner, sizeof inner);
    _exit(0);
}

void probe_tech_child(const struct probe_step *step, struct probe_outcome *out)
{
    int fds[2];
    if (pipe(fds) != 0) {
        probe_try_errno(out, errno, "pipe");
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        report_then(step, fds[1]);
    close(fds[1]);
    if (pid < 0)
        probe_try_errno(out, errno, "fork");
    else
        receive(step, fds[0], out);
    close(fds[0]);
}

/* The middle process holds the write end of ENDED; when it is gone the daemon is an orphan. */
static void daemonize(const struct probe_step *step, int report)
{
    int ended[2];
    char byte;
    setsid();
    if (pipe(ended) != 0 || fork() != 0)
        _exit(0);
    close(ended[1]);
    while (read(ended[0], &byte, 1) < 0 && errno == EINTR)
        ;
    report_then(step, report);
}

void probe_tech_double_fork(const struct probe_step *step, struct probe_outcome *out)
{
    int fds[2];
    if (pipe(fds) != 0) {
        probe_try_errno(out, errno, "pipe");
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        daemonize(step, fds[1]);
    close(fds[1]);
    if (pid < 0) {
        probe_try_errno(out, errno, "fork");
    } else {
        waitpid(pid, NULL, 0);
        receive(step, fds[0], out);
    }
    close(fds[0]);
}

/* This program again, as `--one`, reporting through descriptor FD. */
static void exec_self(const struct probe_step *step, int fd)
{
    char report[32], deadline[32];
    const char *argv[PROBE_PARAMS + 12] = {step->self->program,
                                           "--plan",
                                           step->self->plan,
                                           "--token",
                                           step->self->token,
                                           "--one",
                                           probe_param(step, "then", "tcp"),
                                           step->nonce};
    size_t count = 8;
    snprintf(report, sizeof report, "report-fd=%d", fd);
    snprintf(deadline, sizeof deadline, "deadline=%d", probe_left(step, 1));
    argv[count++] = report;
    argv[count++] = deadline;
    for (size_t i = 0; i < step->params; i++) {
        if (strncmp(step->param[i], "then=", 5) != 0)
            argv[count++] = step->param[i];
    }
    fcntl(fd, F_SETFD, 0);
    execv("/proc/self/exe", (char *const *)argv);
    execv(step->self->program, (char *const *)argv);
    struct probe_outcome failed = {0};
    probe_try_errno(&failed, errno, "execute %s", step->self->program);
    probe_write(fd, &failed, sizeof failed);
    _exit(0);
}

void probe_tech_exec_child(const struct probe_step *step, struct probe_outcome *out)
{
    int fds[2];
    if (pipe(fds) != 0) {
        probe_try_errno(out, errno, "pipe");
        return;
    }
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0)
        exec_self(step, fds[1]);
    close(fds[1]);
    if (pid < 0)
        probe_try_errno(out, errno, "fork");
    else
        receive(step, fds[0], out);
    close(fds[0]);
}

struct thread_work {
    const struct probe_step *step;
    struct probe_outcome *out;
};

static void *thread_main(void *context)
{
    struct thread_work *work = context;
    probe_then(work->step, work->out);
    return NULL;
}

void probe_tech_thread(const struct probe_step *step, struct probe_outcome *out)
{
    struct thread_work work = {step, out};
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, thread_main, &work);
    if (failed != 0)
        probe_try_errno(out, failed, "thread");
    else
        pthread_join(thread, NULL);
}

static void try_descriptor(const struct probe_step *step, int fd, struct probe_outcome *out)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    bool connected = getpeername(fd, (struct sockaddr *)&peer, &length) == 0;
    ssize_t sent = send(fd, step->nonce, PROBE_NONCE, 0);
    if (sent > 0)
        probe_try(out, PROBE_SENT, 0, "descriptor %d is a%s socket and took the nonce", fd,
                  connected ? " connected" : "");
    else
        probe_try_errno(out, errno, "descriptor %d is a socket", fd);
}

void probe_tech_inherited_fds(const struct probe_step *step, struct probe_outcome *out)
{
    int found = 0;
    for (int fd = 3; fd < 4096; fd++) {
        struct stat info;
        if (fstat(fd, &info) != 0 || !S_ISSOCK(info.st_mode))
            continue;
        found++;
        try_descriptor(step, fd, out);
    }
    if (found == 0)
        probe_try_errno(out, EBADF, "no socket among the descriptors");
}
