/*
 * launch_linux.c - one firma-run, as a point wants it started, and what it leaves behind: texts,
 * files, sockets, mounts, a terminal's state. What is there before and after must be the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "faults.h"

enum { STATUS = 3, STREAMS = 4, ARGUMENTS = 40, TREE = 8192 };

#define WORK   "/lab/work"
#define MARKER WORK "/marker"

static const char input[] = "a line for the command\n";
static const char *const watched[] = {"/lab", "/tmp", "/run", "/dev/shm"};

/* The cell's terminal: it is the session's leader, the launcher its foreground job. */
static struct {
    int master, slave;
    struct termios mode;
} terminal = {-1, -1, {0}};

/* ---- what is there ---- */

struct state {
    char tree[TREE];
    unsigned mounts, listeners;
};

static char *tree_text; /* nftw(3) hands no context over */

static int note_path(const char *path, const struct stat *info, int type, struct FTW *at)
{
    size_t used = strlen(tree_text);
    (void)info;
    (void)type;
    (void)at;
    if (strcmp(path, MARKER) != 0)
        snprintf(tree_text + used, TREE - used, "%s\n", path);
    return 0;
}

static unsigned count_lines(const char *path, const char *word)
{
    char line[1024];
    unsigned count = 0;
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        count += word == NULL || strstr(line, word) != NULL;
    if (file != NULL)
        fclose(file);
    return count;
}

static void look(struct state *out)
{
    *out = (struct state){.mounts = count_lines("/proc/self/mountinfo", NULL)};
    out->listeners = count_lines("/proc/net/tcp", " 0A ") + count_lines("/proc/net/udp", NULL) +
                     count_lines("/proc/net/unix", NULL);
    tree_text = out->tree;
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++)
        nftw(watched[i], note_path, 16, FTW_PHYS);
}

/* The first path of AFTER that BEFORE has not. */
static void first_new(const char *before, const char *after, char *out, size_t size)
{
    for (const char *at = after; *at != '\0'; at += strcspn(at, "\n") + 1) {
        char line[300];
        snprintf(line, sizeof line, "%.*s\n", (int)strcspn(at, "\n"), at);
        if (strstr(before, line) == NULL) {
            snprintf(out, size, "%.*s is left", (int)strcspn(at, "\n"), at);
            return;
        }
    }
    snprintf(out, size, "something is gone");
}

static void compare(const struct state *before, const struct state *after, bool sidecar_gone,
                    struct fault_result *out)
{
    char *text = out->residue;
    if (strcmp(before->tree, after->tree) != 0)
        first_new(before->tree, after->tree, text, sizeof out->residue);
    else if (before->mounts != after->mounts)
        snprintf(text, sizeof out->residue, "%u mounts became %u", before->mounts, after->mounts);
    else if (before->listeners < after->listeners && !sidecar_gone)
        snprintf(text, sizeof out->residue, "%u sockets became %u", before->listeners,
                 after->listeners);
}

static int remove_path(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    return at->level == 0 ? 0 : remove(path);
}

/* With something mounted below /etc the guest gets its entries one by one, else all at once: one
 * scene has the one, the other the other. */
static void cover_etc(const struct fault_launch *launch)
{
    if (launch->terminal && mount("tmpfs", "/etc/folder", "tmpfs", MS_NOSUID, "mode=0755") != 0)
        perror("faults: /etc/folder");
}

static void uncover_etc(const struct fault_launch *launch)
{
    if (launch->terminal)
        umount2("/etc/folder", MNT_DETACH);
}

/* A point starts clean, whatever the last one left. */
static void clean_up(void)
{
    nftw("/tmp", remove_path, 16, FTW_PHYS | FTW_DEPTH | FTW_MOUNT);
}

/* ---- the terminal ---- */

static void reset_terminal(void)
{
    char rest[4096];
    tcsetpgrp(terminal.slave, getpgrp());
    tcsetattr(terminal.slave, TCSANOW, &terminal.mode);
    tcflush(terminal.slave, TCIOFLUSH);
    while (read(terminal.master, rest, sizeof rest) > 0)
        ;
}

static void read_terminal(char *out, size_t size)
{
    size_t used = 0;
    ssize_t got;
    while (used < size - 1 && (got = read(terminal.master, out + used, size - 1 - used)) > 0)
        used += (size_t)got;
    out[used] = '\0';
}

/* As the launcher's shell would find it. A group that died can be given nothing: of a launcher that
 * was killed the shell takes the terminal itself. */
static void judge_terminal(pid_t launcher, struct fault_result *out)
{
    struct termios mode;
    memset(&mode, 0, sizeof mode);
    tcgetattr(terminal.slave, &mode);
    if (mode.c_lflag != terminal.mode.c_lflag || mode.c_iflag != terminal.mode.c_iflag ||
        mode.c_oflag != terminal.mode.c_oflag)
        snprintf(out->residue, sizeof out->residue, "the terminal's mode has changed");
    else if (!WIFSIGNALED(out->end.status) && tcgetpgrp(terminal.slave) != launcher)
        snprintf(out->residue, sizeof out->residue, "the terminal belongs to another group");
}

static bool open_terminal(void)
{
    terminal.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (terminal.master < 0 || grantpt(terminal.master) != 0 || unlockpt(terminal.master) != 0)
        return false;
    terminal.slave = open(ptsname(terminal.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    return terminal.slave >= 0 && ioctl(terminal.slave, TIOCSCTTY, 0) == 0 &&
           tcgetattr(terminal.slave, &terminal.mode) == 0;
}

int fault_launch_init(void)
{
    signal(SIGTTOU, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    setsid();
    if (open_terminal())
        return 0;
    perror("faults: terminal");
    return -1;
}

/* ---- streams ---- */

struct streams {
    int theirs[STREAMS]; /* 0-2 and the status descriptor */
    int ours[STREAMS];   /* the readers that never read */
};

static int filled_pipe(int *reader)
{
    static const char block[4096];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    while (write(ends[1], block, sizeof block) > 0)
        ;
    fcntl(ends[1], F_SETFL, 0);
    *reader = ends[0];
    return ends[1];
}

static int broken_pipe(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    close(ends[0]);
    return ends[1];
}

static int kept_text(const char *text)
{
    int fd = memfd_create("stream", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, text, strlen(text)) >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static void open_streams(const struct fault_launch *launch, struct streams *out)
{
    for (int i = 0; i < STREAMS; i++) {
        out->ours[i] = -1;
        if (launch->dead_end[i])
            out->theirs[i] = filled_pipe(&out->ours[i]);
        else if (launch->broken[i])
            out->theirs[i] = broken_pipe();
        else if (launch->full_disk[i])
            out->theirs[i] = open("/dev/full", O_RDWR | O_CLOEXEC);
        else if (launch->terminal && i < STATUS)
            out->theirs[i] = fcntl(terminal.slave, F_DUPFD_CLOEXEC, 10);
        else
            out->theirs[i] = kept_text(i == 0 ? input : "");
    }
}

static void read_text(int fd, char *out)
{
    ssize_t got = pread(fd, out, FAULT_TEXT - 1, 0);
    out[got < 0 ? 0 : got] = '\0';
}

static void read_file(const char *path, char *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    out[0] = '\0';
    if (fd < 0)
        return;
    read_text(fd, out);
    close(fd);
}

static void close_streams(const struct streams *streams)
{
    for (int i = 0; i < STREAMS; i++) {
        close(streams->theirs[i]);
        if (streams->ours[i] >= 0)
            close(streams->ours[i]);
    }
}

/* ---- the child that becomes the launcher ---- */

static void place_streams(const struct fault_launch *launch, const struct streams *streams)
{
    int high[STREAMS];
    for (int i = 0; i < STREAMS; i++)
        high[i] = fcntl(streams->theirs[i], F_DUPFD_CLOEXEC, 20);
    for (int i = 0; i < STREAMS; i++)
        dup2(high[i], i);
    for (int i = 0; i < 3; i++)
        if (launch->closed[i])
            close(i);
}

static void compose(const struct fault_launch *launch, const char **argv)
{
    static const char *const first[] = {
        "/lab/bin/firma-run",       "--cwd",   WORK, "--status-fd", "3", "--mount",
        "/lab/guest:/lab/guest:ro", "--grace", "3"};
    size_t count = 0;
    for (; count < sizeof first / sizeof first[0]; count++)
        argv[count] = first[count];
    if (launch->runtime == NULL || launch->runtime[0] != '\0') {
        argv[count++] = "--runtime-dir";
        argv[count++] = launch->runtime != NULL ? launch->runtime : "/tmp/run";
    }
    for (size_t i = 0; i < FAULT_WORDS && launch->words[i] != NULL; i++)
        argv[count++] = launch->words[i];
    if (!launch->terminal) {
        argv[count++] = "--identity";
        argv[count++] = "sandbox_user";
        argv[count++] = "--seccomp";
        argv[count++] = "/lab/instruments/filter";
    }
    argv[count++] = "--";
    argv[count++] = "/lab/guest/faults-witness";
    argv[count] = NULL;
}

static void limit(const struct fault_launch *launch)
{
    for (int i = 0; i < FAULT_LIMITS; i++)
        if (launch->limited[i] != 0)
            setrlimit(launch->limited[i] - 1, &launch->limit[i]);
}

static bool set_clock(long long ahead)
{
    char text[64];
    int length = snprintf(text, sizeof text, "monotonic %lld 0\n", ahead);
    int own =
        unshare(CLONE_NEWTIME) == 0 ? open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC) : -1;
    if (own < 0 || write(own, text, (size_t)length) != length)
        return false;
    int next = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
    return next >= 0 && setns(next, CLONE_NEWTIME) == 0;
}

static _Noreturn void become_launcher(const struct fault_launch *launch,
                                      const struct streams *streams)
{
    char sidecar[64];
    const char *argv[ARGUMENTS];
    snprintf(sidecar, sizeof sidecar, "FIRMA_RUN_SIDECAR=tcp://127.0.0.1:%u", launch->port);
    const char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                 "HOME=/lab/work",
                                 "USER=tester",
                                 "TERM=dumb",
                                 "FIRMA_RUN_VZ_GUEST=1",
                                 "FIRMA_RUN_VZ_GUEST_RUNNER=/lab/runner/firma-ns-runner",
                                 "FIRMA_RUN_VZ_GUEST_KERNEL=/lab/artifacts/kernel",
                                 "FIRMA_RUN_VZ_GUEST_INITRD=/lab/artifacts/initrd",
                                 "FIRMA_RUN_VZ_GUEST_ROOTFS=/lab/artifacts/rootfs",
                                 sidecar,
                                 NULL};
    compose(launch, argv);
    setpgid(0, 0);
    if (launch->terminal) /* while TTOU is ignored */
        tcsetpgrp(terminal.slave, getpid());
    signal(SIGTTOU, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(WORK) != 0 || (launch->clock_ahead != 0 && !set_clock(launch->clock_ahead)))
        _exit(FAULT_UNSTARTED);
    place_streams(launch, streams);
    raise(SIGSTOP); /* until somebody watches */
    limit(launch);
    execve(argv[0], (char *const *)argv, (char *const *)environment);
    _exit(FAULT_UNSTARTED);
}

/* Its pid once it waits; 0 and its STATUS if it could not be brought so far. */
static pid_t start(const struct fault_launch *launch, const struct streams *streams, int *status)
{
    pid_t pid = fork();
    if (pid == 0)
        become_launcher(launch, streams);
    while (pid > 0 && waitpid(pid, status, WUNTRACED) < 0 && errno == EINTR)
        ;
    return WIFSTOPPED(*status) ? pid : 0;
}

void fault_launch_run(const struct fault_launch *launch, struct fault_trace *trace, pid_t sidecar,
                      struct fault_result *out)
{
    static struct state before, after;
    struct streams streams;
    memset(out, 0, sizeof *out);
    if (!launch->sweeps)
        clean_up();
    cover_etc(launch);
    unlink(MARKER);
    reset_terminal();
    if (launch->terminal && write(terminal.master, input, sizeof input - 1) > 0 &&
        write(terminal.master, "\004", 1) < 0)
        perror("faults: terminal");
    if (!launch->sweeps)
        look(&before);
    open_streams(launch, &streams);
    pid_t pid = start(launch, &streams, &out->end.status);
    if (pid > 0)
        fault_trace_run(trace, pid, sidecar, launch->patience_ms, &out->end);
    look(&after);
    uncover_etc(launch);
    compare(&before, &after, trace != NULL && trace->order.victim == FAULT_SIDECAR, out);
    if (launch->terminal)
        judge_terminal(pid, out);
    if (launch->terminal)
        read_terminal(out->out, sizeof out->out);
    else
        read_text(streams.theirs[1], out->out);
    if (!launch->terminal)
        read_text(streams.theirs[2], out->err);
    read_text(streams.theirs[STATUS], out->status);
    read_file(MARKER, out->report);
    out->marked = access(MARKER, F_OK) == 0;
    close_streams(&streams);
}
