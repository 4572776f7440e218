/* init_linux.c - pid 1 of the lab: builds it, then reaps. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lab_linux.h"

static const struct step {
    const char *name;
    int (*run)(struct cf_lab_entry *entry, struct cf_error *err);
} STEPS[] = {
    {"root", cf_lab_build_root},
    {"filter", cf_lab_deny_vsock},
    {"network", cf_lab_build_net},
    {"isolation", cf_lab_verify},
};

/* The parent-death signal is lost with every change of ids, so it comes after them; the guard may
 * have died before, which the end of its pipe tells. */
static int die_with_guard(const struct cf_lab_entry *entry, struct cf_error *err)
{
    struct pollfd life = {.fd = entry->life, .events = POLLIN};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)
        return cf_fail(err, CF_E_LAB, errno, "prctl");
    if (poll(&life, 1, 0) != 0)
        return cf_fail(err, CF_E_LAB, 0, "the process that wanted it has gone");
    return 0;
}

static int become(struct cf_lab_entry *entry, struct cf_error *err)
{
    char go;
    if (read(entry->life, &go, 1) != 1)
        return cf_fail(err, CF_E_LAB, 0, "the ids were not mapped");
    if ((entry->ids.set_groups && setgroups(0, NULL) != 0) || setresgid(0, 0, 0) != 0 ||
        setresuid(0, 0, 0) != 0)
        return cf_fail(err, CF_E_LAB, errno, "uid 0 of the lab");
    umask(022);
    /* A session of its own: nothing in here may reach the caller's terminal. */
    if (setsid() < 0 || sethostname("lab", 3) != 0)
        return cf_fail(err, CF_E_LAB, errno, "session and host name");
    return die_with_guard(entry, err);
}

static void default_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
}

/* A log is wanted even where no evidence is: /dev/null then. */
static int open_log(const struct cf_lab_entry *entry, struct cf_events **log)
{
    int folder = entry->config->evidence_fd;
    int flags = O_WRONLY | O_APPEND | O_CLOEXEC;
    int fd = folder < 0 ? open("/dev/null", flags)
                        : openat(folder, "lab.jsonl", flags | O_CREAT | O_EXCL, 0600);
    return fd < 0 ? -CF_E_SYSTEM : cf_events_open(log, fd, "lab", NULL);
}

static int give_up(const struct cf_lab_entry *entry, struct cf_events *log,
                   const struct cf_error *error)
{
    if (entry->report >= 0 && write(entry->report, error->text, strlen(error->text)) < 0)
        errno = 0;
    cf_events_emit(log, "error", json_pack("{ss}", "text", error->text));
    cf_events_close(log);
    return CF_LAB_FAILED;
}

/* Reaps whatever ends, until the harness does; the kernel then kills what is left. */
static int reap_until(pid_t harness)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid == harness)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (pid < 0 && errno != EINTR)
            return CF_LAB_FAILED;
    }
}

int cf_lab_init(struct cf_lab_entry *entry)
{
    struct cf_error error = {0};
    struct cf_events *log = NULL;
    prctl(PR_SET_NAME, "lab-init");
    default_signals();
    /* First the ids: only they let a lab of the machine's root write its evidence. */
    int result = become(entry, &error);
    if (open_log(entry, &log) != 0)
        return CF_LAB_FAILED;
    for (size_t i = 0; result == 0 && i < sizeof STEPS / sizeof STEPS[0]; i++)
        if ((result = STEPS[i].run(entry, &error)) != 0)
            cf_wrap(&error, "lab: %s", STEPS[i].name);
    pid_t harness = result == 0 ? fork() : -1;
    if (harness == 0)
        cf_lab_harness(entry, log);
    if (harness < 0) {
        if (result == 0)
            cf_fail(&error, CF_E_SYSTEM, errno, "lab: harness");
        return give_up(entry, log, &error);
    }
    cf_lab_keep_fds(NULL, 0);
    return reap_until(harness);
}
