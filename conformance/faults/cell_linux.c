/* cell_linux.c - a lab, and in it a pid namespace whose pid 1 plays points. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "lab/lab.h"

enum { LAB_SOCKET = 1, COPIES = 9, CACHE = 1 << 20 };

static bool put(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool good = fd >= 0 && write(fd, data, size) == (ssize_t)size;
    if (fd >= 0)
        close(fd);
    return good;
}

/* A small /etc: where the guest gets its entries one by one, each takes three calls, and every call
 * is a point. */
static bool make_etc(void)
{
    static char cache[CACHE];
    int fd = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);
    ssize_t cached = fd >= 0 ? read(fd, cache, sizeof cache) : 0;
    if (fd >= 0)
        close(fd);
    static const char users[] = "root:x:0:0:root:/root:/bin/sh\n", groups[] = "root:x:0:\n";
    return mount("tmpfs", "/etc", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == 0 &&
           put("/etc/passwd", users, sizeof users - 1) &&
           put("/etc/group", groups, sizeof groups - 1) && mkdir("/etc/folder", 0755) == 0 &&
           symlink("passwd", "/etc/link") == 0 &&
           put("/etc/ld.so.cache", cache, cached > 0 ? (size_t)cached : 0);
}

static bool make_instruments(struct fault_cell *cell)
{
    static const struct sock_filter filter[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct preload_page blank = {.fail_at = 0};
    if (!put("/lab/instruments/filter", filter, sizeof filter) ||
        !put(PRELOAD_PAGE, &blank, sizeof blank))
        return false;
    int fd = open(PRELOAD_PAGE, O_RDWR | O_CLOEXEC);
    cell->page = mmap(NULL, sizeof blank, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return cell->page != MAP_FAILED;
}

static void answer(FILE *out, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    fprintf(out, "%s\n", text != NULL ? text : "null");
    fflush(out);
    free(text);
    json_decref(object);
}

static int serve(struct fault_cell *cell, bool verbose)
{
    char line[FAULT_ID + 2];
    int fd = fcntl(LAB_SOCKET, F_DUPFD_CLOEXEC, 10);
    FILE *in = fdopen(fd, "r"), *out = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 10), "w");
    if (in == NULL || out == NULL || dup2(2, LAB_SOCKET) < 0)
        return 3;
    while (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        answer(out, strcmp(line, "plan") == 0 ? fault_points_plan(cell)
                                              : fault_point_play(cell, line, verbose));
    }
    return 0;
}

static _Noreturn void live(bool verbose)
{
    static struct fault_cell cell;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 ||
        !make_etc() || !make_instruments(&cell)) {
        perror("faults: cell");
        _exit(3);
    }
    cell.ignorable = fault_ignorable_read("/lab/instruments/ignorable.tsv");
    if (cell.ignorable == NULL || fault_launch_init() != 0 || !fault_points_refer(&cell))
        _exit(3);
    _exit(serve(&cell, verbose));
}

static int run_body(struct cf_lab *lab, void *context)
{
    const bool *verbose = context;
    int status = 3;
    (void)lab;
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
        return 3;
    pid_t pid = fork();
    if (pid == 0)
        live(*verbose);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

static _Noreturn void keep_cell(const struct fault_programs *programs, bool verbose, int fd)
{
    char paths[5][1024];
    struct cf_error err;
    pid_t pid;
    int status = 0;
    snprintf(paths[0], sizeof paths[0], "%s/fake-sidecar", programs->bin);
    snprintf(paths[1], sizeof paths[1], "%s/faults-witness", programs->folder);
    snprintf(paths[2], sizeof paths[2], "%s/faults-preload.so", programs->folder);
    const struct cf_lab_copy copies[COPIES] = {
        {programs->launcher, "/lab/bin/firma-run", 0755},
        {programs->runner, "/lab/runner/firma-ns-runner", 0755},
        {paths[0], "/lab/bin/fake-sidecar", 0755},
        {paths[1], "/lab/guest/faults-witness", 0755},
        {paths[2], PRELOAD_LIBRARY, 0755},
        {programs->ignorable, "/lab/instruments/ignorable.tsv", 0644},
        {programs->ignorable, "/lab/artifacts/kernel", 0644},
        {programs->ignorable, "/lab/artifacts/initrd", 0644},
        {programs->ignorable, "/lab/artifacts/rootfs", 0644},
    };
    const struct cf_lab_config config = {.evidence_fd = -1, .copies = copies, .copy_count = COPIES};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, LAB_SOCKET);
    close_range(3, ~0u, 0); /* the other cells' sockets: while they are open there is no end */
    if (cf_lab_start(&config, run_body, &verbose, &pid, &err) != 0)
        _exit(3);
    close(LAB_SOCKET);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
}

pid_t fault_cell_start(const struct fault_programs *programs, bool verbose, int *fd)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        keep_cell(programs, verbose, ends[1]);
    }
    close(ends[1]);
    *fd = ends[0];
    return pid;
}
