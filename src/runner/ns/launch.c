/*
 * From one process to a guest. The child is born into all its namespaces by one clone(2), so there
 * is no moment in which it is half inside, and it is the pid namespace's pid 1. It maps its own id
 * (the parent needs no privilege for it) and builds; the parent meanwhile does its part:
 *
 *     runner                              guest
 *     clone ----------------------------> ids, network, listeners
 *     asks for the sidecar                |
 *     READY (listeners) <-----------------+
 *     opens the relay                     a new root; forks the command
 *     GO ------------------------------.  /etc, /dev, mounts;      /proc restricted;
 *                                      |  exchanges the roots      gives up its rights
 *                                      `->| watches it, gives up its own rights
 *                                         opens the gate --------> is executed
 *
 * So the command runs when all three have done what they had to; whichever fails ends the guest.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "runner/guest/control_linux.h"
#include "runner/ns/ns.h"

#define NAMESPACES                                                                                 \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

static const char guest_name[] = "guest";

/* What the child knows. It is the parent's memory, copied by clone(2). */
struct birth {
    const struct firma_contract *contract;
    const struct firma_runner_origin *origin;
    struct firma_guest_filter confinement;
    struct firma_guest_filter filter; /* the contract's; empty if it has none */
    uid_t uid;
    gid_t gid;
    int control;
};

/* The child's ids, its death signal (which a change of credentials would clear, so after the maps),
 * and what comes with a new kernel identity: no cgroup path, host name or keyring of the host. */
static int settle(const struct birth *birth, struct firma_error *err)
{
    int result = firma_guest_map_ids(birth->uid, birth->uid, birth->gid, birth->gid, err);
    if (result < 0)
        return firma_wrap(err, "user namespace");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "PR_SET_PDEATHSIG");
    if (sethostname(guest_name, sizeof guest_name - 1) < 0 || setdomainname("", 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's host name");
    /* Neither may exist in this kernel; and where a filter forbids the keyring's call (EPERM), it
     * does so to the command too. */
    if (unshare(CLONE_NEWCGROUP) < 0 && errno != EINVAL)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cgroup namespace");
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS &&
        errno != EPERM)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "session keyring");
    return 0;
}

/* /proc/1/cmdline is open to the whole guest, and says where the host keeps the contract. */
static void wipe_arguments(char **arguments)
{
    for (size_t i = 1; arguments[i] != NULL; i++)
        memset(arguments[i], 0, strlen(arguments[i]));
    prctl(PR_SET_NAME, "firma-init", 0, 0, 0);
}

/* First of all: nothing in the guest runs before there is something to talk to. */
static int open_network(const struct birth *birth, struct firma_guest_message *ready,
                        struct firma_error *err)
{
    size_t count = 0;
    int result = settle(birth, err);
    if (result == 0)
        result = firma_guest_loopback_up(err);
    if (result == 0)
        result = firma_guest_listen(birth->contract, ready->listeners, &count, err);
    if (result < 0)
        return result;
    ready->listener_count = (uint32_t)count;
    return 0;
}

static struct firma_guest_identity identity_of(const struct birth *birth)
{
    if (birth->contract->identity_mode == FIRMA_HOST_USER)
        return (struct firma_guest_identity){.uid = birth->uid, .gid = birth->gid};
    return (struct firma_guest_identity){
        .uid = FIRMA_SANDBOX_ID, .gid = FIRMA_SANDBOX_ID, .nested = true, .drop_groups = true};
}

_Noreturn static void fail(int control, const struct firma_error *err)
{
    struct firma_guest_message message = {.word = FIRMA_GUEST_FAILED, .value = err->code};
    snprintf(message.text, sizeof message.text, "%s", err->text);
    firma_control_send(control, &message);
    _exit(FIRMA_EXIT_RUNNER);
}

static void tell_ready(int control, struct firma_guest_message *ready)
{
    if (firma_control_send(control, ready) < 0)
        _exit(FIRMA_EXIT_RUNNER);
    firma_guest_listeners_close(ready->listeners, ready->listener_count);
}

static void await_go(int control)
{
    struct firma_guest_message message;
    if (firma_control_receive(control, &message) != 1 || message.word != FIRMA_GUEST_GO)
        _exit(FIRMA_EXIT_RUNNER);
}

static struct firma_guest_start describe(const struct birth *birth,
                                         const struct firma_ns_root *root)
{
    return (struct firma_guest_start){.contract = birth->contract,
                                      .identity = identity_of(birth),
                                      .confinement = &birth->confinement,
                                      .filter = birth->filter.count > 0 ? &birth->filter : NULL,
                                      .build = firma_ns_root_restrict,
                                      .context = root,
                                      .mask = birth->origin->mask,
                                      .ignore_sigchld = birth->origin->ignore_sigchld};
}

/* Forks the command as soon as there is a root that it can do its part of. */
static pid_t build(const struct birth *birth, int *gate, struct firma_error *err)
{
    struct firma_ns_root root;
    int result = firma_ns_root_begin(&root, err);
    if (result < 0)
        return result;
    struct firma_guest_start start = describe(birth, &root);
    result = firma_guest_drop_bounding_set(err);
    pid_t command = result < 0 ? result : firma_guest_spawn(&start, gate, err);
    result = command < 0 ? command : firma_ns_root_finish(&root, birth->contract, err);
    firma_ns_root_close(&root);
    return result < 0 ? result : command;
}

_Noreturn static void be_guest(const struct birth *birth)
{
    struct firma_error err = {0};
    struct firma_guest_message ready = {.word = FIRMA_GUEST_READY};
    struct firma_guest_terminal none = {.fd = -1};
    int gate = -1;
    wipe_arguments(birth->origin->arguments);
    if (open_network(birth, &ready, &err) < 0)
        fail(birth->control, &err);
    tell_ready(birth->control, &ready);
    pid_t command = build(birth, &gate, &err);
    if (command < 0)
        fail(birth->control, &err);
    await_go(birth->control);
    firma_guest_init(birth->control, &none, command, gate);
}

/* Everything that can be refused while there is no child yet. */
static int prepare(struct birth *birth, struct firma_error *err)
{
    const struct firma_contract *contract = birth->contract;
    birth->confinement = firma_ns_filter();
    if (contract->seccomp_filter_path != NULL) {
        int result = firma_guest_filter_read(contract->seccomp_filter_path, &birth->filter, err);
        if (result < 0)
            return result;
    }
    return contract->identity_mode == FIRMA_SANDBOX_USER ? firma_guest_leave_groups(err) : 0;
}

static int clone_guest(struct birth *birth, struct firma_ns_guest *guest, struct firma_error *err)
{
    int pair[2];
    int result = firma_control_open(pair, err);
    if (result < 0)
        return result;
    birth->control = pair[1];
    guest->control = pair[0];
    /* A fork with namespaces: no stack, so the child goes on from here on a copy of ours. */
    guest->init = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, 0);
    if (guest->init == 0) {
        close(pair[0]);
        be_guest(birth);
    }
    int saved = errno;
    close(pair[1]);
    if (guest->init > 0)
        return 0;
    close(pair[0]);
    return firma_fail(err, FIRMA_E_SPAWN, saved, "cannot create namespaces");
}

int firma_ns_launch(const struct firma_contract *contract, const struct firma_runner_origin *origin,
                    struct firma_ns_guest *out, struct firma_error *err)
{
    struct birth birth = {
        .contract = contract, .origin = origin, .uid = geteuid(), .gid = getegid()};
    *out = (struct firma_ns_guest){.control = -1};
    int result = prepare(&birth, err);
    if (result == 0)
        result = clone_guest(&birth, out, err);
    firma_guest_filter_clear(&birth.filter);
    return result;
}

int firma_ns_await(struct firma_ns_guest *guest, struct firma_error *err)
{
    struct firma_guest_message message;
    int result = firma_control_await_ready(guest->control, &message, err);
    if (result < 0)
        return result;
    memcpy(guest->listeners, message.listeners, sizeof guest->listeners);
    guest->listener_count = message.listener_count;
    return 0;
}

int firma_ns_go(struct firma_ns_guest *guest, struct firma_error *err)
{
    struct firma_guest_message last;
    if (firma_control_say(guest->control, FIRMA_GUEST_GO, 0) == 0)
        return 0;
    int saved = errno;
    shutdown(guest->control, SHUT_WR); /* whatever it does, it ends now */
    if (firma_control_receive_last(guest->control, &last) == 1 && last.word == FIRMA_GUEST_FAILED)
        return firma_control_explain(&last, err);
    return firma_fail(err, FIRMA_E_SPAWN, saved, "the guest ended early");
}

void firma_ns_abandon(struct firma_ns_guest *guest)
{
    if (guest->init > 0) {
        kill(guest->init, SIGKILL);
        while (waitpid(guest->init, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    guest->init = -1;
    firma_guest_listeners_close(guest->listeners, guest->listener_count);
    guest->listener_count = 0;
    if (guest->control >= 0)
        close(guest->control);
    guest->control = -1;
}
