/* start_linux.c - the caller's side of a lab, and the guard that stands between both. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lab_linux.h"

enum {
    NAMESPACES =
        CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
};

/* A failure before init could open lab.jsonl itself. */
static void report_failure(const struct cf_lab_entry *entry, const struct cf_error *error)
{
    struct cf_events *log = NULL;
    if (entry->report >= 0 && write(entry->report, error->text, strlen(error->text)) < 0)
        errno = 0;
    int fd = entry->config->evidence_fd < 0
                 ? -1
                 : openat(entry->config->evidence_fd, "lab.jsonl",
                          O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || cf_events_open(&log, fd, "lab", NULL) != 0)
        return;
    cf_events_emit(log, "error", json_pack("{ss}", "text", error->text));
    cf_events_close(log);
}

/* Everything that must be looked up or opened as the caller, on the machine. */
static int gather(struct cf_lab_entry *entry, struct cf_error *err)
{
    struct stat net;
    if (stat("/proc/self/ns/net", &net) != 0)
        return cf_fail(err, CF_E_LAB, errno, "/proc/self/ns/net");
    entry->outer_net = net.st_ino;
    entry->sockets = cf_lab_list_sockets();
    if (entry->sockets == NULL)
        return cf_fail(err, CF_E_LAB, errno, "the machine's unix sockets cannot be listed");
    if (entry->config->hidden != NULL) {
        entry->hidden = realpath(entry->config->hidden, NULL);
        if (entry->hidden == NULL)
            return cf_fail(err, CF_E_LAB, errno, "%s", entry->config->hidden);
    }
    int result = cf_lab_open_copies(entry, err);
    return result != 0 ? result : cf_lab_ids_plan(&entry->ids, entry->config, err);
}

/* fork(2) into new namespaces. The guard has one thread, so the raw call is as good as fork(). */
static pid_t fork_init(void)
{
    return (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, 0, 0, 0, 0);
}

static int namespace_trouble(struct cf_error *err, int errnum)
{
    return cf_fail(err, CF_E_LAB, errnum,
                   "user namespaces are forbidden here (see kernel.unprivileged_userns_clone, "
                   "user.max_user_namespaces, or the container's seccomp profile)");
}

static void keep_entry_fds(const struct cf_lab_entry *entry, int life)
{
    int keep[96] = {entry->report, entry->config->evidence_fd, entry->life, life};
    size_t count = 4;
    for (size_t i = 0; i < entry->config->copy_count && count < 96; i++)
        keep[count++] = entry->copies[i];
    cf_lab_keep_fds(keep, count);
}

/* Starts init, writes its maps, lets it go on. */
static int enter(struct cf_lab_entry *entry, pid_t *init, struct cf_error *err)
{
    int life[2];
    if (pipe2(life, O_CLOEXEC) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "lab");
    entry->life = life[0];
    keep_entry_fds(entry, life[1]);
    *init = fork_init();
    if (*init < 0)
        return namespace_trouble(err, errno);
    if (*init == 0) {
        close(life[1]);
        _exit(cf_lab_init(entry));
    }
    close(life[0]);
    int result = cf_lab_ids_write(&entry->ids, *init, err);
    if (result == 0 && write(life[1], "+", 1) != 1)
        result = cf_fail(err, CF_E_SYSTEM, errno, "lab");
    return result;
}

static int status_of(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return CF_LAB_FAILED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int guard(struct cf_lab_entry *entry)
{
    struct cf_error error = {0};
    pid_t init = -1;
    prctl(PR_SET_NAME, "lab-guard");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != entry->caller || cf_lab_null_fds(0) < 0)
        return CF_LAB_FAILED;
    int result = gather(entry, &error);
    if (result == 0)
        result = enter(entry, &init, &error);
    if (result != 0) {
        if (init > 0)
            kill(init, SIGKILL);
        report_failure(entry, &error);
    }
    int status = init > 0 ? status_of(init) : CF_LAB_FAILED;
    cf_lab_ids_return(&entry->ids, entry->config->evidence_fd);
    return result == 0 ? status : CF_LAB_FAILED;
}

static int launch(struct cf_lab_entry *entry, pid_t *pid, struct cf_error *err)
{
    entry->caller = getpid();
    entry->started = cf_now();
    pid_t child = fork();
    if (child < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "lab");
    if (child == 0)
        _exit(guard(entry));
    *pid = child;
    return 0;
}

int cf_lab_start(const struct cf_lab_config *config, cf_lab_body *body, void *context, pid_t *pid,
                 struct cf_error *err)
{
    struct cf_lab_entry entry = {.config = config, .body = body, .context = context, .report = -1};
    if (config->copy_count > 64)
        return cf_fail(err, CF_E_USAGE, 0, "at most 64 files are copied into a lab");
    return launch(&entry, pid, err);
}

static int nothing(struct cf_lab *lab, void *context)
{
    (void)lab;
    (void)context;
    return 0;
}

int cf_lab_check(struct cf_error *err)
{
    const struct cf_lab_config config = {.evidence_fd = -1};
    struct cf_lab_entry entry = {.config = &config, .body = nothing};
    int report[2];
    pid_t pid = -1;
    if (pipe2(report, O_CLOEXEC) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "lab");
    entry.report = report[1];
    int result = launch(&entry, &pid, err);
    close(report[1]);
    char text[sizeof err->text] = "";
    ssize_t got = result == 0 ? read(report[0], text, sizeof text - 1) : 0;
    close(report[0]);
    if (result == 0 && status_of(pid) != 0)
        result = cf_fail(err, CF_E_LAB, 0, "%s", got > 0 ? text : "a lab cannot be built here");
    return result;
}
