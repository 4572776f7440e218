#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/control_linux.h"
#include "runner/vm/init/init.h"

#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)

/* What the child knows; copied by clone(2). */
struct birth {
    struct firma_contract *contract;
    const struct firma_block *block;
    int control;
    int standard[3]; /* pipe ends; -1 where it is the terminal */
    int outer[3];    /* the agent's ends */
};

static bool is_terminal(const struct firma_block *block, int number)
{
    return (block->terminal >> number & 1) != 0;
}

/* The caller's ids, all capabilities kept until the command drops them: without CAP_SETPCAP it
 * could not empty its bounding set. */
static int take_ids(const struct firma_block *block, struct firma_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
    if (setgroups(0, NULL) < 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
        setresgid(block->gid, block->gid, block->gid) < 0 ||
        setresuid(block->uid, block->uid, block->uid) < 0 || syscall(SYS_capget, &header, caps) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "identity_mode: %u:%u", block->uid,
                          block->gid);
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        caps[i].effective = caps[i].permitted;
    if (syscall(SYS_capset, &header, caps) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "identity_mode: keep capabilities");
    return 0;
}

static int set_up_terminal(const struct firma_block *block, int slave, struct firma_error *err)
{
    const struct winsize size = {.ws_row = block->rows, .ws_col = block->columns};
    if (fchown(slave, block->uid, (gid_t)-1) < 0 || ioctl(slave, TIOCSWINSZ, &size) < 0 ||
        setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's terminal: set up");
    for (int i = 0; i <= 2; i++)
        if (is_terminal(block, i) && dup2(slave, i) < 0)
            return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's terminal: descriptors");
    return 0;
}

/* The terminal belongs to the guest's own devpts, so that its name means something in there. MASTER
 * is lent to the agent with the next message; SLAVE is ours to keep. */
static int open_terminal(const struct firma_block *block, int *master, int *slave,
                         struct firma_error *err)
{
    int unlocked = 0;
    FIRMA_AUTOCLOSE int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || ioctl(fd, TIOCSPTLCK, &unlocked) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's terminal");
    FIRMA_AUTOCLOSE int peer = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (peer < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's terminal: other end");
    int result = set_up_terminal(block, peer, err);
    if (result < 0)
        return result;
    *master = fd;
    *slave = peer;
    fd = peer = -1;
    return 0;
}

static int put_pipes(const struct birth *birth, struct firma_error *err)
{
    FIRMA_AUTOCLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i <= 2; i++) {
        if (is_terminal(birth->block, i))
            continue;
        bool closed = (birth->block->closed >> i & 1) != 0;
        /* A placeholder keeps the number taken here and free in the command. */
        int done = closed ? dup3(null, i, O_CLOEXEC) : dup2(birth->standard[i], i);
        if (done < 0)
            return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's descriptor %d", i);
    }
    return 0;
}

static int build(const struct birth *birth, struct firma_guest_message *ready, int *terminal,
                 struct firma_error *err)
{
    static const char name[] = "guest";
    if (sethostname(name, sizeof name - 1) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's host name");
    int result = firma_init_build_place(birth->contract, err);
    if (result == 0 && birth->block->terminal != 0) {
        result = open_terminal(birth->block, &ready->listeners[0].fd, terminal, err);
        ready->listener_count = result == 0 ? 1 : 0;
    }
    if (result == 0)
        result = put_pipes(birth, err);
    return result < 0 ? result : take_ids(birth->block, err);
}

_Noreturn static void fail(int control, const struct firma_error *err)
{
    struct firma_guest_message message = {.word = FIRMA_GUEST_FAILED, .value = err->code};
    snprintf(message.text, sizeof message.text, "%s", err->text);
    firma_control_send(control, &message);
    _exit(FIRMA_EXIT_RUNNER);
}

static struct firma_guest_start describe(const struct birth *birth,
                                         const struct firma_guest_filter *filter)
{
    const struct firma_block *block = birth->block;
    struct firma_guest_start start = {.contract = birth->contract,
                                      .filter = filter->count > 0 ? filter : NULL,
                                      .ignore_sigchld = block->ignore_sigchld,
                                      .own_group = true};
    /* The boundary is the machine: in it `host_user` may become root, if it finds out how. */
    start.identity =
        (struct firma_guest_identity){.uid = block->uid, .gid = block->gid, .may_rise = true};
    if (birth->contract->identity_mode == FIRMA_SANDBOX_USER)
        start.identity = (struct firma_guest_identity){
            .uid = FIRMA_SANDBOX_ID, .gid = FIRMA_SANDBOX_ID, .nested = true, .drop_groups = true};
    sigemptyset(&start.mask);
    for (int i = 1; i <= 64; i++)
        if ((block->blocked >> (i - 1) & 1) != 0)
            sigaddset(&start.mask, i);
    return start;
}

/* The command's descriptors belong to the command: a reader must see the end when it closes them.
 */
static void let_go(void)
{
    FIRMA_AUTOCLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; null >= 0 && i <= 2; i++)
        (void)dup3(null, i, O_CLOEXEC);
}

/* All signals are blocked here; firma_guest_init() reads its own, and the command gets its mask and
 * finds ignored what its starter ignored. */
static void set_signals(const struct firma_block *block)
{
    sigset_t all;
    for (int i = 1; i < 32; i++)
        if (i != SIGKILL && i != SIGSTOP && i != SIGCHLD)
            signal(i, (block->ignored >> (i - 1) & 1) != 0 ? SIG_IGN : SIG_DFL);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

/* Returns the terminal whose foreground the command begins in, or -1. */
static int await_go(int control, struct firma_guest_terminal *terminal)
{
    struct firma_guest_message message = {0};
    int value = 0;
    while (firma_control_receive(control, &message) == 1 && message.word == FIRMA_GUEST_TERMINAL) {
        value = message.value;
        firma_guest_terminal_obey(terminal, value, 0);
    }
    if (message.word != FIRMA_GUEST_GO)
        _exit(FIRMA_EXIT_RUNNER);
    return (value & FIRMA_TERMINAL_FOREGROUND) != 0 ? terminal->fd : -1;
}

_Noreturn static void be_inner(const struct birth *birth)
{
    struct firma_error err = {0};
    struct firma_guest_message message = {.word = FIRMA_GUEST_READY};
    /* The kernel only reads the program. */
    const struct firma_guest_filter filter = {
        .code = (struct sock_filter *)(uintptr_t)birth->block->filter,
        .count = (unsigned short)(birth->block->filter_size / sizeof(struct sock_filter))};
    set_signals(birth->block);
    prctl(PR_SET_NAME, "firma-init", 0, 0, 0);
    struct firma_guest_terminal terminal = {.fd = -1};
    for (int i = 0; i <= 2; i++)
        if (birth->outer[i] >= 0)
            close(birth->outer[i]);
    if (build(birth, &message, &terminal.fd, &err) < 0)
        fail(birth->control, &err);
    if (firma_control_send(birth->control, &message) < 0)
        _exit(FIRMA_EXIT_RUNNER);
    firma_guest_listeners_close(message.listeners, message.listener_count);
    struct firma_guest_start start = describe(birth, &filter);
    start.foreground_of = await_go(birth->control, &terminal);
    int gate = -1;
    pid_t command = firma_guest_spawn(&start, &gate, &err);
    if (command < 0)
        fail(birth->control, &err);
    let_go();
    for (int i = 0; i <= 2; i++)
        if (birth->standard[i] >= 0)
            close(birth->standard[i]);
    firma_guest_init(birth->control, &terminal, command, gate);
}

static int open_pipes(struct birth *birth, struct firma_error *err)
{
    for (int i = 0; i <= 2; i++) {
        int ends[2];
        if (is_terminal(birth->block, i))
            continue;
        if (pipe2(ends, O_CLOEXEC) < 0)
            return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's descriptor %d", i);
        birth->standard[i] = ends[i == 0 ? 0 : 1];
        birth->outer[i] = ends[i == 0 ? 1 : 0];
        if (fcntl(birth->outer[i], F_SETFL, O_NONBLOCK) < 0)
            return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's descriptor %d", i);
    }
    return 0;
}

static int await_ready(struct firma_init_inner *inner, struct firma_error *err)
{
    struct firma_guest_message message;
    int result = firma_control_await_ready(inner->control, &message, err);
    if (result < 0)
        return result;
    if (message.listener_count == 1)
        inner->streams.terminal = message.listeners[0].fd;
    return 0;
}

/* A failure ends the machine, so nothing is taken back here. */
int firma_init_launch(struct firma_contract *contract, const struct firma_block *block,
                      struct firma_init_inner *out, struct firma_error *err)
{
    struct birth birth = {
        .contract = contract, .block = block, .standard = {-1, -1, -1}, .outer = {-1, -1, -1}};
    int pair[2] = {-1, -1};
    int result = open_pipes(&birth, err);
    if (result == 0)
        result = firma_control_open(pair, err);
    if (result < 0)
        return result;
    birth.control = pair[1];
    pid_t pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, 0);
    if (pid == 0) {
        close(pair[0]);
        be_inner(&birth);
    }
    if (pid < 0)
        return firma_fail(err, FIRMA_E_SPAWN, errno, "guest's namespaces");
    close(pair[1]);
    for (int i = 0; i <= 2; i++)
        if (birth.standard[i] >= 0)
            close(birth.standard[i]);
    *out = (struct firma_init_inner){
        pid, pair[0], {birth.outer[0], birth.outer[1], birth.outer[2], .terminal = -1}};
    return await_ready(out, err);
}
