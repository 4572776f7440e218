/* loop_signal_linux.c - signals through signalfd(2), ends of children through pidfd_open(2). */
#include "launcher/loop_private.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static int watch_signals(struct firma_loop *loop, struct firma_watch *watch, const sigset_t *set,
                         void (*ready)(void *, unsigned), struct firma_error *err)
{
    int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "signalfd");
    *watch = (struct firma_watch){.fd = fd, .events = FIRMA_READ, .ready = ready, .context = loop};
    int rc = firma_loop_watch(loop, watch, err);
    if (rc != 0) {
        close(fd);
        watch->fd = -1;
    }
    return rc;
}

/* SI_KERNEL is how a terminal's signals, and nobody else's, are marked. */
static void deliver_signals(void *context, unsigned events)
{
    struct firma_loop *loop = context;
    (void)events;
    struct signalfd_siginfo info;
    while (!loop->stopped && read(loop->signals.fd, &info, sizeof info) == sizeof info) {
        struct firma_signal signal = {
            .number = (int)info.ssi_signo,
            .from_kernel = info.ssi_code == SI_KERNEL,
            .sender = info.ssi_code == SI_KERNEL ? 0 : (pid_t)info.ssi_pid,
        };
        loop->signal_handler(loop->signal_context, &signal);
    }
}

int firma_loop_signals(struct firma_loop *loop, const sigset_t *set,
                       void (*handler)(void *context, const struct firma_signal *signal),
                       void *context, struct firma_error *err)
{
    loop->signal_handler = handler;
    loop->signal_context = context;
    return watch_signals(loop, &loop->signals, set, deliver_signals, err);
}

static void child_changed(void *context, unsigned events)
{
    struct firma_loop *loop = context;
    (void)events;
    struct signalfd_siginfo info;
    while (read(loop->child_signals.fd, &info, sizeof info) == sizeof info)
        ;
    firma_loop_collect_all(loop);
}

/* A pidfd tells of the end only; stops and continues come with SIGCHLD, which stays blocked. */
static int watch_stops(struct firma_loop *loop, struct firma_error *err)
{
    if (loop->sees_child_signals)
        return 0;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "sigprocmask");
    int rc = watch_signals(loop, &loop->child_signals, &set, child_changed, err);
    loop->sees_child_signals = rc == 0;
    return rc;
}

static void child_ended(void *context, unsigned events)
{
    (void)events;
    firma_loop_collect(context);
}

int firma_loop_watch_child(struct loop_child *child, struct firma_error *err)
{
    if (child->untraced) {
        int rc = watch_stops(child->loop, err);
        if (rc != 0)
            return rc;
    }
    int fd = (int)syscall(SYS_pidfd_open, child->pid, 0); /* CLOEXEC by definition */
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "pidfd_open of %ld", (long)child->pid);
    child->end = (struct firma_watch){
        .fd = fd, .events = FIRMA_READ, .ready = child_ended, .context = child};
    int rc = firma_loop_watch(child->loop, &child->end, err);
    if (rc != 0) {
        close(fd);
        child->end.fd = -1;
    }
    return rc;
}

void firma_loop_unwatch_child(struct loop_child *child)
{
    firma_loop_unwatch(child->loop, &child->end);
    if (child->end.fd >= 0)
        close(child->end.fd);
    child->end.fd = -1;
}

void firma_loop_close_signals(struct firma_loop *loop)
{
    struct firma_watch *watches[] = {&loop->signals, &loop->child_signals};
    for (size_t i = 0; i < sizeof watches / sizeof watches[0]; i++) {
        firma_loop_unwatch(loop, watches[i]);
        if (watches[i]->fd >= 0)
            close(watches[i]->fd);
        watches[i]->fd = -1;
    }
}
