/* The guardian's own process. It runs one small loop: pselect(2) with SIGCHLD let through, so that
 * a child's change and the channel are awaited at once, without a race and without a global. */
#include "launcher/guardian_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/fds.h"
#include "launcher/loop_socket.h"
#include "launcher/tree.h"

struct guard {
    const struct firma_guardian_config *config;
    pid_t launcher;
    int channel;
    pid_t runner;
    pid_t group; /* of the runner's own, 0 if it shares the launcher's */
    bool stopped;
    bool continue_ordered;
    bool ended;
    bool unheard; /* the launcher no longer hears us, or we the runner: all of it must end */
};

static void on_child(int number)
{
    (void)number;
}

/* Everything is blocked; only pselect() lets SIGCHLD in. */
static int set_signals(void)
{
    struct sigaction child = {.sa_handler = on_child};
    sigset_t all;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
        return -1;
    return sigaction(SIGCHLD, &child, NULL);
}

static void close_others(const struct guard *guard)
{
    const struct firma_spawn *spawn = guard->config->spawn;
    const int keep[] = {guard->channel, spawn->runner->fd, spawn->terminal->fd,
                        guard->config->dir->fd, guard->config->dir->root_fd};
    firma_fds_close_except(3, keep, (int)(sizeof keep / sizeof *keep));
}

/* A launcher that waits for a word which never comes would wait for ever. */
static void tell(struct guard *guard, const void *words, size_t size)
{
    ssize_t sent;
    do
        sent = firma_send(guard->channel, words, size);
    while (sent < 0 && errno == EINTR);
    guard->unheard = guard->unheard || sent != (ssize_t)size;
}

static void send_report(struct guard *guard, enum firma_report_kind kind, int value, bool clean)
{
    struct firma_report report = {kind, value, clean};
    tell(guard, &report, sizeof report);
}

/* What it needs of its own. The group keeps what kills the launcher's from it. */
static int prepare(struct firma_error *err)
{
    if (set_signals() == 0 && setpgid(0, 0) == 0 && firma_tree_adopt() == 0)
        return 0;
    return firma_fail(err, FIRMA_E_SPAWN, errno, "cannot start the guardian");
}

/* Starts the runner and tells the launcher how that went. */
static bool give_birth(struct guard *guard)
{
    const struct firma_terminal *terminal = guard->config->spawn->terminal;
    struct firma_birth birth;
    memset(&birth, 0, sizeof birth);
    pid_t runner = prepare(&birth.error);
    if (runner == 0) {
        close_others(guard);
        runner = firma_spawn_runner(guard->config->spawn, &birth.error);
    }
    if (runner > 0) {
        guard->runner = runner;
        guard->group = terminal->group == FIRMA_GROUP_SHARED ? 0 : runner;
        birth.report = (struct firma_report){FIRMA_REPORT_STARTED, runner, false};
    }
    tell(guard, &birth, sizeof birth);
    return runner > 0;
}

static void wake_launcher(const struct guard *guard)
{
    if (getppid() == guard->launcher)
        kill(guard->launcher, SIGCONT);
}

/* A runner that somebody else continued takes a stopped launcher along. */
static void runner_continued(struct guard *guard)
{
    guard->stopped = false;
    if (!guard->continue_ordered)
        wake_launcher(guard);
    guard->continue_ordered = false;
}

/* One that was killed while it was stopped has a launcher that sleeps, too. */
static void runner_ended(struct guard *guard, int status)
{
    guard->ended = true;
    send_report(guard, FIRMA_REPORT_ENDED, status, firma_tree_end(guard->group));
    if (guard->stopped)
        wake_launcher(guard);
}

static void runner_changed(struct guard *guard, int status)
{
    if (WIFSTOPPED(status)) {
        guard->stopped = true;
        send_report(guard, FIRMA_REPORT_CHANGED, status, false);
    } else if (WIFCONTINUED(status)) {
        runner_continued(guard);
        send_report(guard, FIRMA_REPORT_CHANGED, status, false);
    } else {
        runner_ended(guard, status);
    }
}

/* Orphans that came to us are reaped too, so that a long launch gathers no zombies. */
static void collect(struct guard *guard)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0 ||
           (pid < 0 && errno == EINTR)) {
        if (pid == guard->runner && !guard->ended)
            runner_changed(guard, status);
    }
    /* No child, while the runner should be one: how it ended nobody will tell. */
    guard->unheard = guard->unheard || (pid < 0 && !guard->ended);
}

static void signal_runner(struct guard *guard, int number)
{
    if (number == SIGCONT)
        guard->continue_ordered = guard->stopped;
    kill(guard->runner, number);
}

static void obey(struct guard *guard, const struct firma_order *order)
{
    collect(guard);
    if (guard->ended)
        return;
    if (order->kind == FIRMA_ORDER_SIGNAL)
        signal_runner(guard, order->number);
    else if (order->kind == FIRMA_ORDER_WAKE && guard->stopped)
        signal_runner(guard, SIGCONT);
    else if (order->kind == FIRMA_ORDER_KILL)
        kill(guard->runner, SIGKILL);
}

/* The launcher vanished, or has to be told by our own end. */
static void clean_up(const struct guard *guard)
{
    firma_tree_end(guard->group);
    firma_terminal_restore(guard->config->spawn->terminal, guard->runner);
    if (!guard->config->keep)
        firma_runtime_dir_remove(guard->config->dir);
}

static bool listen_once(struct guard *guard)
{
    struct firma_order order;
    ssize_t got = recv(guard->channel, &order, sizeof order, MSG_WAITALL);
    if (got == (ssize_t)sizeof order)
        obey(guard, &order);
    return got == (ssize_t)sizeof order || (got < 0 && errno == EINTR);
}

static void keep_watch(struct guard *guard)
{
    sigset_t only_child;
    sigfillset(&only_child);
    sigdelset(&only_child, SIGCHLD);
    bool connected = true;
    while (connected && !guard->unheard) {
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(guard->channel, &readable);
        int ready = pselect(guard->channel + 1, &readable, NULL, NULL, NULL, &only_child);
        collect(guard);
        if (ready > 0)
            connected = listen_once(guard);
    }
}

/* pselect(2) takes small numbers only. */
static int make_small(int fd)
{
    int small = fd < FD_SETSIZE ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return small >= 0 ? small : fd;
}

void firma_guardian_live(const struct firma_guardian_config *config, pid_t launcher, int channel)
{
    struct guard guard = {.config = config, .launcher = launcher, .channel = make_small(channel)};
    if (!give_birth(&guard)) {
        if (guard.unheard)
            clean_up(&guard);
        _exit(0);
    }
    firma_fds_release_standard();
    keep_watch(&guard);
    clean_up(&guard);
    _exit(0);
}
