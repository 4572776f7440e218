/* survivors_linux.c - what is left of a subject: the pid namespace is the oracle. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/escape.h"
#include "lab/lab_linux.h"

enum { CLEAR_ROUNDS = 20, WAITED_MAX = 256 };

/* Alive, and with a pid in a namespace below the lab's: NSpid has one column for each, proc(5). */
static bool is_subject(int pid)
{
    char path[64], line[512];
    bool below = false, dead = false;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = fopen(path, "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        char state = '\0';
        int outer, inner;
        if (sscanf(line, "State: %c", &state) == 1)
            dead = state == 'Z' || state == 'X';
        else if (strncmp(line, "NSpid:", 6) == 0)
            below = sscanf(line + 6, "%d %d", &outer, &inner) == 2;
    }
    if (status != NULL)
        fclose(status);
    return below && !dead;
}

static json_t *read_escaped(int pid, const char *file)
{
    char path[64], data[2048];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    FILE *stream = fopen(path, "re");
    size_t length = stream == NULL ? 0 : fread(data, 1, sizeof data, stream);
    if (stream != NULL)
        fclose(stream);
    if (length > 0 && (data[length - 1] == '\n' || data[length - 1] == '\0'))
        length--;
    for (size_t i = 0; i < length; i++) /* argv's separators */
        if (data[i] == '\0')
            data[i] = ' ';
    return cf_events_data(data, length, sizeof data);
}

/* Calls FOUND for each process of the subject. */
static void walk(const struct cf_lab *lab, void (*found)(int pid, void *context), void *context)
{
    DIR *proc = lab->subject.init > 0 ? opendir("/proc") : NULL;
    const struct dirent *entry;
    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
        if (pid > 0 && pid != lab->subject.init && is_subject(pid))
            found(pid, context);
    }
    if (proc != NULL)
        closedir(proc);
}

static void list(int pid, void *context)
{
    json_array_append_new(context,
                          json_pack("{sisoso}", "pid", pid, "comm", read_escaped(pid, "comm"),
                                    "cmdline", read_escaped(pid, "cmdline")));
}

json_t *cf_lab_survivors(struct cf_lab *lab)
{
    json_t *survivors = json_array();
    walk(lab, list, survivors);
    return survivors;
}

struct waited {
    struct pollfd fds[WAITED_MAX];
    nfds_t count;
};

static void wait_for(int pid, void *context)
{
    struct waited *waited = context;
    int fd = waited->count < WAITED_MAX ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (fd >= 0)
        waited->fds[waited->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* kill(2) with -1 spares only the caller and the namespace's init, and no fork slips through. */
static void kill_everything(struct cf_lab *lab)
{
    pid_t pid = cf_lab_subject_fork(lab);
    if (pid == 0) {
        kill(-1, SIGKILL);
        _exit(0);
    }
    if (pid > 0)
        cf_lab_reap(pid, CF_LAB_DEADLINE_MS);
}

void cf_lab_clear(struct cf_lab *lab)
{
    for (int round = 0; round < CLEAR_ROUNDS; round++) {
        struct waited waited = {.count = 0};
        walk(lab, wait_for, &waited);
        if (waited.count == 0)
            return;
        kill_everything(lab);
        for (nfds_t i = 0; i < waited.count; i++) {
            cf_lab_wait_fd(waited.fds[i].fd, CF_LAB_DEADLINE_MS);
            close(waited.fds[i].fd);
        }
    }
}
