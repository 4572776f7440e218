/*
 * subject_linux.c - the subject's pid and mount namespaces, and commands in them.
 *
 * The nested namespaces belong to an init of their own, which only reaps. A command is forked by
 * the harness while its "namespace for children" is the subject's: it is the harness's own child,
 * so wait and kill work on it, and its orphans go to the subject's init.
 *
 * Init and a child before its exec are copies of the harness, plan and nonces included. Neither may
 * be traced or read by what runs beside it: both are not "dumpable" (PR_SET_DUMPABLE, prctl(2))
 * from before the first moment at which a subject could look.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lab_linux.h"

enum { FAILURE_ASIDE = 200 };

/* ---- its init ---- */

/* Exchanges the lab's /proc for one of this pid namespace. The old one has to go, not only to be
 * covered; the new one has to be made while the old one is still to be seen, or the kernel refuses.
 */
static int exchange_proc(void)
{
    int context = fsopen("proc", FSOPEN_CLOEXEC);
    if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
        return -1;
    int proc =
        fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (proc < 0 || umount2("/proc", MNT_DETACH) != 0 ||
        move_mount(proc, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return -1;
    close(proc);
    return close(context);
}

_Noreturn static void reap_for_ever(void)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        sigwaitinfo(&child, NULL);
    }
}

_Noreturn static void subject_init(int control)
{
    char go;
    prctl(PR_SET_NAME, "subject-init");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cf_lab_keep_fds(&control, 1);
    /* Becoming the subject's equal would make it its prey: no capability is given up, but none is
     * of use to a process that does nothing. */
    bool ready = cf_lab_null_fds(2) == 0 && exchange_proc() == 0;
    int errnum = ready ? 0 : errno;
    if (write(control, &errnum, sizeof errnum) != sizeof errnum || !ready ||
        read(control, &go, 1) != 1)
        _exit(1);
    prctl(PR_SET_DUMPABLE, 0);
    if (write(control, &errnum, sizeof errnum) != sizeof errnum)
        _exit(1);
    close(control);
    reap_for_ever();
}

static int open_namespace(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int hear(int control)
{
    int errnum = EPIPE;
    ssize_t got = cf_lab_wait_fd(control, CF_LAB_DEADLINE_MS) > 0
                      ? read(control, &errnum, sizeof errnum)
                      : -1;
    errno = got == sizeof errnum ? errnum : EPIPE;
    return errno == 0 ? 0 : -1;
}

/* Ready → its namespaces are opened → it makes itself untouchable → ready. */
static int meet(struct cf_lab_subject *subject, struct cf_error *err)
{
    if (hear(subject->control) != 0)
        return cf_fail(err, CF_E_LAB, errno, "subject: /proc");
    subject->pid_ns = open_namespace(subject->init, "pid");
    subject->mount_ns = open_namespace(subject->init, "mnt");
    subject->own_pid_ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    if (subject->pid_ns < 0 || subject->mount_ns < 0 || subject->own_pid_ns < 0 ||
        write(subject->control, "+", 1) != 1 || hear(subject->control) != 0)
        return cf_fail(err, CF_E_LAB, errno, "subject: its namespaces");
    return 0;
}

int cf_lab_open_subject(struct cf_lab *lab, struct cf_error *err)
{
    struct cf_lab_subject *subject = &lab->subject;
    int control[2];
    if (subject->init > 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "subject");
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        subject_init(control[1]);
    int saved = errno;
    close(control[1]);
    if (pid < 0) {
        close(control[0]);
        return cf_fail(err, CF_E_SYSTEM, saved, "subject");
    }
    *subject = (struct cf_lab_subject){pid, control[0], -1, -1, -1};
    int result = meet(subject, err);
    close(control[0]);
    if (result != 0)
        cf_lab_close_subject(lab);
    return result;
}

void cf_lab_close_subject(struct cf_lab *lab)
{
    struct cf_lab_subject *subject = &lab->subject;
    if (subject->init <= 0)
        return;
    kill(subject->init, SIGKILL);
    cf_lab_reap(subject->init, CF_LAB_DEADLINE_MS);
    close(subject->pid_ns);
    close(subject->mount_ns);
    close(subject->own_pid_ns);
    subject->init = 0;
}

pid_t cf_lab_subject_fork(struct cf_lab *lab)
{
    const struct cf_lab_subject *subject = &lab->subject;
    if (setns(subject->pid_ns, CLONE_NEWPID) != 0)
        return -1;
    prctl(PR_SET_DUMPABLE, 0);
    pid_t pid = fork();
    int saved = errno;
    if (pid == 0)
        return 0;
    prctl(PR_SET_DUMPABLE, 1);
    setns(subject->own_pid_ns, CLONE_NEWPID);
    errno = saved;
    return pid;
}

/* ---- its commands ---- */

static int take_fds(const struct cf_command *command)
{
    int aside[4];
    for (int i = 0; i < 4; i++) {
        int given = i < 3 ? command->fds[i] : command->extra_fd;
        aside[i] = given < 0 ? -1 : fcntl(given, F_DUPFD_CLOEXEC, FAILURE_ASIDE);
        if (given >= 0 && aside[i] < 0)
            return -1;
    }
    for (int i = 0; i < 3; i++) {
        int fd = aside[i] >= 0 ? aside[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0 || (fd != i && dup2(fd, i) < 0))
            return -1;
    }
    /* dup2 onto itself would keep the flag; a null device opened on its own number has it set. */
    for (int i = 0; i < 3; i++)
        fcntl(i, F_SETFD, command->closed[i] ? FD_CLOEXEC : 0);
    if (aside[3] >= 0 && dup2(aside[3], 3) < 0)
        return -1;
    return close_range(aside[3] >= 0 ? 4 : 3, ~0u, CLOSE_RANGE_CLOEXEC);
}

static int take_session(const struct cf_command *command)
{
    if (!command->new_session)
        return setpgid(0, 0);
    if (setsid() < 0)
        return -1;
    for (int fd = 0; fd < 3; fd++)
        if (isatty(fd))
            return ioctl(fd, TIOCSCTTY, 0);
    return 0;
}

static int take_identity(const struct cf_command *command)
{
    if (!command->second_user)
        return cf_lab_drop_capabilities(command->no_capabilities, command->may_chown);
    if (setgroups(0, NULL) != 0 ||
        setresgid(CF_LAB_SECOND_UID, CF_LAB_SECOND_UID, CF_LAB_SECOND_UID) != 0)
        return -1;
    /* The bounding set goes while there is a capability to do so, the rest with the ids. */
    for (int capability = 0; capability < 64; capability++)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    return setresuid(CF_LAB_SECOND_UID, CF_LAB_SECOND_UID, CF_LAB_SECOND_UID);
}

static void default_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Identity comes after the working directory and before the exec; FAILURE is out of dup2's way. */
_Noreturn static void become(const struct cf_lab *lab, const struct cf_command *command, int pipe)
{
    int failure = fcntl(pipe, F_DUPFD_CLOEXEC, FAILURE_ASIDE);
    const char *cwd = command->cwd == NULL ? "/lab/work" : command->cwd;
    default_signals();
    if (failure >= 0 && setns(lab->subject.mount_ns, CLONE_NEWNS) == 0 && take_fds(command) == 0 &&
        take_session(command) == 0 && chdir(cwd) == 0 && take_identity(command) == 0)
        execve(command->argv[0], (char *const *)command->argv, (char *const *)command->envp);
    int errnum = errno;
    if (write(failure < 0 ? pipe : failure, &errnum, sizeof errnum) < 0)
        _exit(126);
    _exit(127);
}

static int await_exec(int failure, pid_t pid, const char *program, struct cf_error *err)
{
    int errnum = 0;
    if (read(failure, &errnum, sizeof errnum) != sizeof errnum)
        return 0;
    waitpid(pid, NULL, 0);
    return cf_fail(err, CF_E_SYSTEM, errnum, "%s", program);
}

int cf_lab_spawn(struct cf_lab *lab, const struct cf_command *command, pid_t *pid,
                 struct cf_error *err)
{
    int failure[2];
    if (command->second_user && !lab->entry->config->second_user)
        return cf_fail(err, CF_E_USAGE, 0, "this lab has no second user");
    int result = cf_lab_open_subject(lab, err);
    if (result != 0)
        return result;
    if (pipe2(failure, O_CLOEXEC) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", command->argv[0]);
    pid_t child = cf_lab_subject_fork(lab);
    int saved = errno;
    if (child == 0)
        become(lab, command, failure[1]);
    close(failure[1]);
    result = child < 0 ? cf_fail(err, CF_E_SYSTEM, saved, "%s", command->argv[0])
                       : await_exec(failure[0], child, command->argv[0], err);
    close(failure[0]);
    if (result == 0)
        *pid = child;
    return result;
}
