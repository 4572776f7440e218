/* watch_linux.c - starts the observers and sees them to their end. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lab_linux.h"

struct start {
    struct cf_lab *lab;
    struct cf_observer io;
    int pcap;
};

static int enter_internet(const struct cf_lab *lab, struct cf_error *err)
{
    if (setns(lab->entry->internet, CLONE_NEWNET) == 0)
        return 0;
    return cf_fail(err, CF_E_LAB, errno, "the internet namespace");
}

static int run_canary(struct start *start, struct cf_error *err)
{
    const struct cf_lab *lab = start->lab;
    const struct cf_canary_config config = {
        .port = CF_LAB_CANARY_PORT,
        .sidecar = {lab->entry->source4, lab->entry->source6},
        .veth = {CF_LAB_HOST4, CF_LAB_HOST6},
    };
    int result = enter_internet(lab, err);
    return result != 0 ? result : cf_canary_run(&start->io, &config, err);
}

static int run_capture(struct start *start, struct cf_error *err)
{
    int result = enter_internet(start->lab, err);
    return result != 0 ? result
                       : cf_capture_run(&start->io, start->pcap, CF_LAB_INTERNET_LINK, err);
}

static int run_honeypots(struct start *start, struct cf_error *err)
{
    return cf_honeypots_run(&start->io, start->lab->pots, start->lab->pot_count, err);
}

static const struct observer {
    const char *name, *log, *extra;
    int (*run)(struct start *start, struct cf_error *err);
} OBSERVERS[] = {
    {"canary", "canary.jsonl", NULL, run_canary},
    {"capture", "capture.jsonl", "capture.pcap", run_capture},
    {"honeypots", "honeypots.jsonl", NULL, run_honeypots},
};

/* An observer holds its own descriptors and no others: above all not the end of another's stop
 * pipe, nor a command's stream. */
_Noreturn static void become(struct start *start, const struct observer *observer)
{
    struct cf_error error = {0};
    const struct cf_lab *lab = start->lab;
    int keep[CF_LAB_POTS + 8] = {start->io.log_fd, start->io.ready_fd,   start->io.stop_fd,
                                 lab->tick,        lab->entry->internet, start->pcap};
    for (size_t i = 0; i < lab->pot_count; i++)
        keep[6 + i] = lab->pots[i].fd;
    cf_lab_keep_fds(keep, 6 + lab->pot_count);
    prctl(PR_SET_NAME, observer->name);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int result = observer->run(start, &error);
    if (result != 0 && start->io.ready_fd >= 0 && start->io.events == NULL)
        dprintf(start->io.ready_fd, "-%s", error.text);
    _exit(result == 0 ? 0 : 1);
}

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

static int fork_observer(struct cf_lab *lab, size_t index, int *ready, struct cf_error *err)
{
    const struct observer *observer = &OBSERVERS[index];
    struct start start = {.lab = lab, .pcap = -1};
    int stop[2] = {-1, -1}, tell[2] = {-1, -1};
    start.io.log_fd = cf_lab_evidence(lab, observer->log);
    if (observer->extra != NULL)
        start.pcap = cf_lab_evidence(lab, observer->extra);
    pid_t pid = -1;
    if (start.io.log_fd >= 0 && (observer->extra == NULL || start.pcap >= 0) &&
        pipe2(stop, O_CLOEXEC) == 0 && pipe2(tell, O_CLOEXEC) == 0) {
        start.io.ready_fd = tell[1];
        start.io.stop_fd = stop[0];
        start.io.tick_fd = lab->tick;
        pid = fork();
        if (pid == 0)
            become(&start, observer);
    }
    int saved = errno;
    if (start.io.log_fd >= 0)
        close(start.io.log_fd);
    if (start.pcap >= 0)
        close(start.pcap);
    if (pid < 0) {
        close_pair(stop);
        close_pair(tell);
        return cf_fail(err, CF_E_LAB, saved, "observer %s", observer->name);
    }
    close(stop[0]);
    close(tell[1]);
    *ready = tell[0];
    lab->observers[index] = (struct cf_lab_observer){observer->name, pid, stop[1]};
    return 0;
}

static int await(const char *name, int ready, struct cf_error *err)
{
    char text[1024] = "";
    ssize_t got =
        cf_lab_wait_fd(ready, CF_LAB_DEADLINE_MS) > 0 ? read(ready, text, sizeof text - 1) : 0;
    if (got == 1 && text[0] == '-') /* the reason follows */
        got = read(ready, text, sizeof text - 1);
    close(ready);
    if (got == 1 && text[0] == '+')
        return 0;
    return cf_fail(err, CF_E_LAB, 0, "observer %s: %s", name, got > 0 ? text : "it died");
}

int cf_lab_open_observers(struct cf_lab *lab, struct cf_error *err)
{
    enum { COUNT = sizeof OBSERVERS / sizeof OBSERVERS[0] };
    int ready[COUNT] = {0};
    int result = 0;
    size_t started = 0;
    while (result == 0 && started < COUNT)
        if ((result = fork_observer(lab, started, &ready[started], err)) == 0)
            started++;
    for (size_t i = 0; i < started; i++) {
        if (result == 0)
            result = await(OBSERVERS[i].name, ready[i], err);
        else
            close(ready[i]);
    }
    for (size_t i = 0; i < lab->pot_count; i++) /* from here on they are the observer's alone */
        close(lab->pots[i].fd);
    return result;
}

/* A healthy observer leaves nothing to say. `observer` is the writer of a record, so the one that
 * ended is its `name`. */
static void record_exit(struct cf_lab *lab, const char *name, int status)
{
    int code = -1; /* somebody else waited for it, or it had to be killed */
    if (status >= 0)
        code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code != 0)
        cf_events_emit(lab->log, "observer-exit",
                       json_pack("{sssi}", "name", name, "status", code));
}

void cf_lab_close_observers(struct cf_lab *lab)
{
    enum { COUNT = sizeof OBSERVERS / sizeof OBSERVERS[0] };
    for (size_t i = 0; i < COUNT; i++)
        if (lab->observers[i].pid > 0)
            close(lab->observers[i].stop);
    for (size_t i = 0; i < COUNT; i++) {
        if (lab->observers[i].pid > 0)
            record_exit(lab, lab->observers[i].name,
                        cf_lab_reap(lab->observers[i].pid, CF_LAB_DEADLINE_MS));
        lab->observers[i].pid = 0;
    }
}
