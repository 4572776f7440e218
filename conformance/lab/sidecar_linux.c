/* sidecar_linux.c - fake sidecars: the listener is `host`'s, everything dialled is `internet`'s. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lab_linux.h"

#define PROGRAM "/lab/bin/fake-sidecar"

/* The descriptors the program finds, and where they are put out of the way before. */
enum { LISTEN_FD = 3, LOG_FD = 4, FAILURE_FD = 5, ASIDE = 100 };

static int listen_on(uint16_t *port, struct cf_error *err)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, SOMAXCONN) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
        *port = ntohs(address.sin_port);
        return fd;
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    return cf_fail(err, CF_E_SYSTEM, saved, "sidecar: 127.0.0.1:%u", *port);
}

_Noreturn static void become(const struct cf_lab *lab, const char *script, int listener, int log,
                             int failure)
{
    const char *argv[] = {PROGRAM,
                          "--listen-fd",
                          "3",
                          "--log-fd",
                          "4",
                          "--source4",
                          lab->entry->source4,
                          "--source6",
                          lab->entry->source6,
                          "--ready-fd",
                          "5",
                          script == NULL || script[0] == '\0' ? NULL : "--script",
                          script,
                          NULL};
    static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (setns(lab->entry->internet, CLONE_NEWNET) == 0) {
        int high[3] = {fcntl(listener, F_DUPFD_CLOEXEC, ASIDE), fcntl(log, F_DUPFD_CLOEXEC, ASIDE),
                       fcntl(failure, F_DUPFD_CLOEXEC, ASIDE)};
        dup2(high[0], LISTEN_FD);
        dup2(high[1], LOG_FD);
        dup2(high[2], FAILURE_FD);
        close_range(FAILURE_FD + 1, ~0u, 0);
        execve(PROGRAM, (char *const *)argv, (char *const *)environment);
        failure = FAILURE_FD;
    }
    int errnum = errno;
    if (write(failure, &errnum, sizeof errnum) < 0)
        _exit(126);
    _exit(127);
}

/* Waits until the sidecar has opened its log, which closes the pipe; a failed exec sends errno. */
static int await_ready(int failure, pid_t pid, struct cf_error *err)
{
    int errnum = 0;
    if (read(failure, &errnum, sizeof errnum) != sizeof errnum)
        return 0;
    waitpid(pid, NULL, 0);
    return cf_fail(err, CF_E_SYSTEM, errnum, PROGRAM);
}

static int spawn(struct cf_lab *lab, const char *script, int listener, int log, pid_t *pid,
                 struct cf_error *err)
{
    int failure[2];
    if (pipe2(failure, O_CLOEXEC) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "sidecar");
    pid_t child = fork();
    if (child == 0)
        become(lab, script, listener, log, failure[1]);
    int saved = errno;
    close(failure[1]);
    int result = child < 0 ? cf_fail(err, CF_E_SYSTEM, saved, "sidecar")
                           : await_ready(failure[0], child, err);
    close(failure[0]);
    if (result == 0)
        *pid = child;
    return result;
}

int cf_lab_sidecar_start(struct cf_lab *lab, const char *script, uint16_t port,
                         struct cf_sidecar *out, struct cf_error *err)
{
    char name[32];
    pid_t pid = -1;
    int index = lab->next_sidecar;
    if (index == CF_LAB_SIDECARS)
        return cf_fail(err, CF_E_USAGE, 0, "at most %d sidecars in a lab", CF_LAB_SIDECARS);
    int listener = listen_on(&port, err);
    if (listener < 0)
        return listener;
    snprintf(name, sizeof name, "sidecar-%d.jsonl", index);
    int log = cf_lab_evidence(lab, name);
    int result = log < 0 ? cf_fail(err, CF_E_SYSTEM, errno, "%s", name)
                         : spawn(lab, script, listener, log, &pid, err);
    close(listener);
    if (log >= 0)
        close(log);
    if (result != 0)
        return result;
    lab->next_sidecar++;
    lab->sidecars[index] = pid;
    *out = (struct cf_sidecar){pid, port, index};
    cf_events_emit(lab->harness, "sidecar-started",
                   json_pack("{sisiss*}", "index", index, "port", (int)port, "script", script));
    return 0;
}

void cf_lab_sidecar_stop(struct cf_lab *lab, struct cf_sidecar *sidecar, int signal)
{
    if (sidecar->pid <= 0 || lab->sidecars[sidecar->index] != sidecar->pid)
        return;
    kill(sidecar->pid, signal);
    kill(sidecar->pid, SIGCONT); /* one that a fault has stopped could not end */
    int status = cf_lab_reap(sidecar->pid, CF_LAB_DEADLINE_MS);
    lab->sidecars[sidecar->index] = 0;
    sidecar->pid = 0;
    cf_events_emit(
        lab->harness, "sidecar-stopped",
        json_pack("{sisisi}", "index", sidecar->index, "signal", signal, "status", status));
}

void cf_lab_close_sidecars(struct cf_lab *lab)
{
    for (int i = 0; i < lab->next_sidecar; i++) {
        struct cf_sidecar left = {.pid = lab->sidecars[i], .index = i};
        cf_lab_sidecar_stop(lab, &left, SIGTERM);
    }
}
