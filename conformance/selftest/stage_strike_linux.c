#include "stage_strike_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/lab_linux.h"

enum { PATIENCE_MS = 20000, LOG_KEPT = 1 << 18 };

static bool log_says(int fd, const char *word)
{
    static char text[LOG_KEPT];
    ssize_t got = pread(fd, text, sizeof text, 0);
    return got > 0 && memmem(text, (size_t)got, word, strlen(word)) != NULL;
}

/* The watch is set before the log is read, so no record falls between both. */
static bool await_record(int folder, const char *word)
{
    char path[64], events[4096];
    int log = openat(folder, "harness.jsonl", O_RDONLY | O_CLOEXEC);
    int watch = inotify_init1(IN_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", log);
    if (log < 0 || watch < 0 || inotify_add_watch(watch, path, IN_MODIFY) < 0)
        return false;
    while (!log_says(log, word)) {
        struct pollfd changed = {.fd = watch, .events = POLLIN};
        if (poll(&changed, 1, PATIENCE_MS) != 1 || read(watch, events, sizeof events) <= 0)
            return false;
    }
    return true;
}

static bool signal_observer(const struct cf_lab *lab, const struct stage_trial *trial)
{
    for (size_t i = 0; i < sizeof lab->observers / sizeof lab->observers[0]; i++)
        if (lab->observers[i].pid > 0 && strcmp(lab->observers[i].name, trial->observer) == 0)
            return kill(lab->observers[i].pid, trial->signal) == 0;
    return false;
}

/* What a sidecar would do that does not tell all it does. */
static bool dial_secretly(const struct cf_lab *lab)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int fd;
    inet_pton(AF_INET, lab->entry->source4, &from.sin_addr);
    inet_pton(AF_INET, "192.0.2.77", &to.sin_addr);
    to.sin_port = htons(80);
    if (setns(lab->entry->internet, CLONE_NEWNET) != 0 ||
        (fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
        return false;
    bool said = bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
                connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && write(fd, "psst", 4) == 4;
    close(fd);
    return said;
}

static bool strike(const struct cf_lab *lab, const struct stage_trial *trial)
{
    switch (trial->trouble) {
    case TROUBLE_SIGNAL:
        return signal_observer(lab, trial);
    case TROUBLE_SECRET_DIAL:
        return dial_secretly(lab);
    case TROUBLE_HARNESS:
        return kill(getppid(), SIGKILL) == 0;
    default:
        return true;
    }
}

int stage_strike(struct cf_lab *lab, int evidence_fd, const struct stage_trial *trial)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid < 0 ? -1 : 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char word[64];
    snprintf(word, sizeof word, "\"event\":\"%s\"", trial->when == NULL ? "command" : trial->when);
    if (!await_record(evidence_fd, word) || !strike(lab, trial))
        kill(getppid(), SIGABRT); /* a test without its trouble shows nothing: no lab, no verdict */
    _exit(0);
}
