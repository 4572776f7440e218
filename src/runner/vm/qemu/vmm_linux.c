/*
 * The machine's processes live in a user, pid, mount, network and ipc namespace of their own:
 *
 *   runner ── jailer (pid 1 there, dies with the runner) ─┬─ virtiofsd
 *                                                         └─ QEMU
 *
 * One that ends takes the others along, and none can outlive the runner. Even a guest that has
 * broken out of the monitor finds no network, no process of the host and no right to anything but
 * what the caller's id may do to files.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/guest/control_linux.h"
#include "runner/vm/images/images.h"
#include "runner/vm/qemu/qemu.h"

#define KVM "/dev/kvm"

#define NAMESPACES                                                                                 \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

static char *const environment[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin",
                                    (char *)(uintptr_t) "LANG=C", NULL};

static int settle(uid_t uid, gid_t gid, struct firma_error *err)
{
    int result = firma_guest_map_ids(uid, uid, gid, gid, err);
    if (result < 0)
        return firma_wrap(err, "machine's user namespace");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "PR_SET_PDEATHSIG");
    /* What is typed at the caller's terminal must not reach the machine's processes. */
    if (setsid() < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "machine's session");
    return 0;
}

/* The file server insists on leaving supplementary groups, and a plain user's namespace forbids it
 * (user_namespaces(7)). They are the caller's own groups, so it is told that they are gone: a
 * filter that answers setgroups(2) with 0. */
static int pretend_setgroups(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setgroups, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* The file server must mount and change ids in its namespaces, and an exec by a plain user would
 * take that from it: ambient capabilities stay (capabilities(7)). */
static int keep_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, caps) < 0)
        return -1;
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        caps[i].inheritable = caps[i].permitted;
    if (syscall(SYS_capset, &header, caps) < 0)
        return -1;
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1; cap++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return -1;
    return 0;
}

static void set_streams(int log)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
}

/* Starts one of the machine's programs with the COUNT descriptors in LENT beyond the standard
 * three; -1 is none. */
static int start(char *const *words, int log, const int *lent, size_t count, bool privileged,
                 struct firma_error *err)
{
    pid_t pid = fork();
    if (pid < 0)
        return firma_fail(err, FIRMA_E_SPAWN, errno, "%s", words[0]);
    if (pid > 0)
        return 0;
    struct firma_error inner = {0};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < 32; i++)
        signal(i, SIG_DFL);
    set_streams(log);
    for (size_t i = 0; i < count; i++)
        if (lent[i] >= 0)
            (void)fcntl(lent[i], F_SETFD, 0);
    if (privileged ? keep_capabilities() < 0 || pretend_setgroups() < 0
                   : firma_guest_drop_privileges(&inner) < 0)
        _exit(FIRMA_EXIT_RUNNER);
    execve(words[0], words, environment);
    dprintf(2, "%s: %s\n", words[0], strerror(errno));
    _exit(FIRMA_EXIT_RUNNER);
}

static int start_shares(const struct firma_vmm_spec *spec, int *connection, struct firma_error *err)
{
    char path[FIRMA_MAX_PATH + 1];
    struct firma_qemu_line line = {.count = 0};
    FIRMA_AUTOCLOSE int listener = -1;
    int result = firma_qemu_build_shares(spec->contract, path, &listener, connection, err);
    if (result == 0)
        result = firma_qemu_describe_shares(listener, path, &line, err);
    if (result == 0) {
        (void)fcntl(*connection, F_SETFD, FD_CLOEXEC);
        result = start(line.words, spec->log, &listener, 1, true, err);
    }
    firma_qemu_line_clear(&line);
    return result;
}

static int start_all(const struct firma_vmm_spec *spec, struct firma_error *err)
{
    struct firma_qemu_line line = {.count = 0};
    FIRMA_AUTOCLOSE int connection = -1;
    int result = spec->contract->mount_count > 0 ? start_shares(spec, &connection, err) : 0;
    if (result == 0)
        result = firma_qemu_describe(spec, connection, &line, err);
    if (result == 0) {
        const int lent[] = {spec->channel, connection, spec->images[FIRMA_VM_KERNEL],
                            spec->images[FIRMA_VM_INITRD], spec->images[FIRMA_VM_ROOTFS]};
        result = start(line.words, spec->log, lent, sizeof lent / sizeof lent[0], false, err);
    }
    firma_qemu_line_clear(&line);
    return result;
}

_Noreturn static void be_jailer(const struct firma_vmm_spec *spec, int control, uid_t uid,
                                gid_t gid)
{
    struct firma_error err = {0};
    struct firma_guest_message message = {.word = FIRMA_GUEST_READY};
    int result = settle(uid, gid, &err);
    if (result == 0)
        result = start_all(spec, &err);
    if (result < 0) {
        message.word = FIRMA_GUEST_FAILED;
        message.value = err.code;
        snprintf(message.text, sizeof message.text, "%s", err.text);
    }
    close(spec->channel); /* the monitor's end alone keeps it open */
    close(spec->log);
    if (firma_control_send(control, &message) < 0 || result < 0)
        _exit(FIRMA_EXIT_RUNNER);
    while (wait(NULL) < 0 && errno == EINTR)
        ;
    _exit(FIRMA_EXIT_RUNNER);
}

int firma_vmm_start(const struct firma_vmm_spec *spec, struct firma_vmm *out,
                    struct firma_error *err)
{
    struct firma_guest_message message;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int pair[2];
    int result = firma_control_open(pair, err);
    if (result < 0)
        return result;
    FIRMA_AUTOCLOSE int control = pair[0];
    struct firma_vmm vmm = {(pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, 0)};
    if (vmm.pid == 0)
        be_jailer(spec, pair[1], uid, gid);
    int saved = errno;
    close(pair[1]);
    if (vmm.pid < 0)
        return firma_fail(err, FIRMA_E_SPAWN, saved, "machine's namespaces");
    int got = firma_control_receive(control, &message);
    if (got == 1 && message.word == FIRMA_GUEST_READY) {
        *out = vmm;
        return 0;
    }
    firma_vmm_stop(&vmm);
    return got == 1 ? firma_fail(err, message.value, 0, "%s", message.text)
                    : firma_fail(err, FIRMA_E_SPAWN, 0, "the machine ended early");
}

bool firma_vmm_offers(enum firma_vm_accelerator accelerator, struct firma_error *err)
{
    if (accelerator == FIRMA_VM_TCG ||
        (accelerator == FIRMA_VM_KVM && access(KVM, R_OK | W_OK) == 0))
        return true;
    (void)(accelerator == FIRMA_VM_KVM
               ? firma_fail(err, FIRMA_E_CONFIG, errno, "kvm: " KVM)
               : firma_fail(err, FIRMA_E_CONFIG, 0, "%s is not of this system",
                            firma_vm_accelerator_name(accelerator)));
    return false;
}

void firma_vmm_kill(const struct firma_vmm *vmm)
{
    if (vmm->pid > 0)
        kill(vmm->pid, SIGKILL);
}

void firma_vmm_stop(struct firma_vmm *vmm)
{
    firma_vmm_kill(vmm);
    if (vmm->pid > 0) {
        while (waitpid(vmm->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    vmm->pid = -1;
}
