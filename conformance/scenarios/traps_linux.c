/* traps_linux.c - twins of helpers, poisoned locks and pids, named sockets, a full /tmp, owners. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scenarios/traps.h"

/* ---- twins of helpers, where a workspace stands first on the caller's PATH ---- */

#define TWINS "/lab/work/twins"

/* Leaves a mark, then does what the real one does: a caller that took it notices nothing. */
static const char twin[] =
    "#!/bin/sh\n"
    ": >\"" TWINS "/${0##*/}.ran\"\n"
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/qemu\n"
    "exec \"${0##*/}\" \"$@\"\n";

/* What runners and launchers have been seen to call. */
static const char helpers[] =
    "sh bash env ip nft iptables mount umount unshare nsenter newuidmap newgidmap setpriv su sudo "
    "modprobe sysctl socat virtiofsd vfkit getent qemu qemu-img qemu-system-x86_64 "
    "qemu-system-aarch64 bwrap curl id hostname ps sandbox-exec firma-run firma-ns-runner "
    "firma-vm-runner";

/* The next word of AT, which moves on; false at the end. */
static bool next_helper(const char **at, char name[32])
{
    int used = 0;
    if (sscanf(*at, "%31s%n", name, &used) != 1)
        return false;
    *at += used;
    return true;
}

static int set_twins(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_start *start,
                     struct cf_error *err)
{
    char path[128], name[32];
    (void)stage, (void)trapped, (void)start;
    int failed = cf_trap_folder(TWINS, 0755, err);
    for (const char *at = helpers; failed == 0 && next_helper(&at, name);) {
        snprintf(path, sizeof path, TWINS "/%s", name);
        failed = cf_trap_file(path, twin, 0755, err);
    }
    return failed;
}

static void look_for_twins(struct cf_trapped *trapped, const struct cf_process *process)
{
    char path[128], name[32];
    (void)process;
    for (const char *at = helpers; next_helper(&at, name);) {
        snprintf(path, sizeof path, TWINS "/%s.ran", name);
        if (access(path, F_OK) == 0)
            cf_trap_touched(trapped, "twin", name);
    }
}

/* ---- what an earlier launch, or somebody who wants to look like one, has left behind ---- */

#define BYSTANDER "/lab/traps"
#define VICTIM    BYSTANDER "/victim"

enum { UUIDS = 4, BYSTANDER_MS = 20000 };
/* With somebody's pid; a link; locked by a living one; with links in it. */
static const char *const uuids[UUIDS] = {
    "01890a5d-ac96-774b-bcce-b30209900001", "01890a5d-ac96-774b-bcce-b30209900002",
    "01890a5d-ac96-774b-bcce-b30209900003", "01890a5d-ac96-774b-bcce-b30209900004"};

static void root_path(char *path, size_t size, const char *below)
{
    snprintf(path, size, "/lab/run/firma-run-%ld%s%s", (long)geteuid(), below[0] != '\0' ? "/" : "",
             below);
}

/* The number by which the subject's own processes know PID: the last column of NSpid, proc(5). */
static long pid_inside(pid_t pid)
{
    char path[64], line[256];
    long inside = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        const char *last = strncmp(line, "NSpid:", 6) == 0 ? strrchr(line, '\t') : NULL;
        if (last != NULL)
            inside = strtol(last, NULL, 10);
    }
    if (status != NULL)
        fclose(status);
    return inside;
}

static int start_bystander(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_error *err)
{
    static const char *const argv[] = {"/lab/bin/firma-probe", "cat", NULL};
    static const char *const none[] = {NULL};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "a line to the bystander");
    const struct cf_command command = {.argv = argv,
                                       .envp = none,
                                       .fds = {ends[1], ends[1], -1},
                                       .extra_fd = -1,
                                       .no_capabilities = true};
    int failed = cf_lab_spawn(stage->lab, &command, &trapped->bystander, err);
    close(ends[1]);
    trapped->line = ends[0];
    return failed;
}

/* A signal that was sent to it is taken before what it is told now, however busy the machine is. */
static bool bystander_answers(const struct cf_trapped *trapped)
{
    char byte = '?';
    struct pollfd answer = {.fd = trapped->line, .events = POLLIN};
    return send(trapped->line, &byte, 1, MSG_NOSIGNAL) == 1 &&
           poll(&answer, 1, BYSTANDER_MS) == 1 && recv(trapped->line, &byte, 1, 0) == 1;
}

/* In every file where a launcher might look for one. */
static int plant_pids(const struct cf_trapped *trapped, struct cf_error *err)
{
    static const char *const names[] = {"pid", "runner.pid", "launcher.pid", "lock", "run.lock"};
    char text[32], below[128], path[256];
    int failed = 0;
    snprintf(text, sizeof text, "%ld\n", pid_inside(trapped->bystander));
    for (size_t i = 0; i < sizeof names / sizeof names[0] && failed == 0; i++) {
        snprintf(below, sizeof below, "%s/%s", uuids[0], names[i]);
        root_path(path, sizeof path, below);
        failed = cf_trap_file(path, text, 0600, err);
        root_path(path, sizeof path, names[i]);
        if (failed == 0)
            failed = cf_trap_file(path, text, 0600, err);
    }
    return failed;
}

static int plant_folders(struct cf_error *err)
{
    char path[256];
    root_path(path, sizeof path, "");
    /* One that a launcher has left does as well; other rows say what they think of that. */
    int failed = access(path, F_OK) == 0 ? 0 : cf_trap_folder(path, 0700, err);
    for (size_t i = 0; i < UUIDS && failed == 0; i++) {
        root_path(path, sizeof path, uuids[i]);
        failed = i == 1 ? 0 : cf_trap_folder(path, 0700, err);
    }
    root_path(path, sizeof path, "notes");
    if (failed == 0)
        failed = cf_trap_folder(path, 0700, err);
    root_path(path, sizeof path, "notes/text");
    return failed != 0 ? failed : cf_trap_file(path, "mine", 0600, err);
}

static int plant_link(const char *below, const char *target, struct cf_error *err)
{
    char path[256];
    root_path(path, sizeof path, below);
    return symlink(target, path) == 0 ? 0 : cf_fail(err, CF_E_SYSTEM, errno, "%s", path);
}

static int plant_links(struct cf_error *err)
{
    char below[128];
    int failed = plant_link(uuids[1], VICTIM, err);
    snprintf(below, sizeof below, "%s/folder", uuids[3]);
    if (failed == 0)
        failed = plant_link(below, VICTIM, err);
    snprintf(below, sizeof below, "%s/vz-guest-launch.json", uuids[3]);
    return failed != 0 ? failed : plant_link(below, VICTIM "/file", err);
}

/* As a living launch holds its own, for an hour now; and a file to see whether it is still whole.
 */
static int lock_one(struct cf_trapped *trapped, struct cf_error *err)
{
    char path[256], below[128];
    const struct timespec long_ago[2] = {{time(NULL) - 3600, 0}, {time(NULL) - 3600, 0}};
    snprintf(below, sizeof below, "%s/contract", uuids[2]);
    root_path(path, sizeof path, below);
    int failed = cf_trap_file(path, "in use", 0600, err);
    root_path(path, sizeof path, uuids[2]);
    trapped->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (failed == 0 && (trapped->lock < 0 || flock(trapped->lock, LOCK_EX | LOCK_NB) != 0 ||
                        futimens(trapped->lock, long_ago) != 0))
        failed = cf_fail(err, CF_E_SYSTEM, errno, "%s", path);
    return failed;
}

static int set_stale(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_start *start,
                     struct cf_error *err)
{
    (void)start;
    int failed = cf_trap_folder(BYSTANDER, 0755, err);
    if (failed == 0)
        failed = cf_trap_folder(VICTIM, 0700, err);
    if (failed == 0)
        failed = cf_trap_file(VICTIM "/file", "precious", 0600, err);
    if (failed == 0)
        failed = plant_folders(err);
    if (failed == 0)
        failed = start_bystander(stage, trapped, err);
    if (failed == 0)
        failed = plant_pids(trapped, err);
    if (failed == 0)
        failed = plant_links(err);
    return failed != 0 ? failed : lock_one(trapped, err);
}

static bool holds(const char *path, const char *text)
{
    char found[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd < 0 ? -1 : read(fd, found, sizeof found - 1);
    if (fd >= 0)
        close(fd);
    return got >= 0 && strcmp(found, text) == 0;
}

static void look_at_stale(struct cf_trapped *trapped, const struct cf_process *process)
{
    char path[256], below[128];
    (void)process;
    if (!bystander_answers(trapped))
        cf_trap_touched(trapped, "pid",
                        "the process whose pid stood in a stale directory has ended");
    if (!holds(VICTIM "/file", "precious"))
        cf_trap_touched(trapped, "link", VICTIM "/file");
    snprintf(below, sizeof below, "%s/contract", uuids[2]);
    root_path(path, sizeof path, below);
    if (!holds(path, "in use"))
        cf_trap_touched(trapped, "lock", path);
    root_path(path, sizeof path, "notes/text");
    if (!holds(path, "mine"))
        cf_trap_touched(trapped, "name", path);
}

/* ---- sockets with a name, which somebody else could have taken first ---- */

/* The names of all unix sockets of this network; proc(5). Those in a launch's own directory have a
 * parent that nobody could know or enter. */
static json_t *named_sockets(void)
{
    char line[512], name[256];
    json_t *names = json_object();
    FILE *list = fopen("/proc/net/unix", "re");
    while (list != NULL && fgets(line, sizeof line, list) != NULL)
        if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %255[^\n]", name) == 1 &&
            strncmp(name, "/lab/run/firma-run-", 19) != 0)
            json_object_set_new(names, name, json_true());
    if (list != NULL)
        fclose(list);
    return names;
}

static int set_sockets(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_start *start,
                       struct cf_error *err)
{
    (void)stage, (void)start, (void)err;
    trapped->before = named_sockets();
    return 0;
}

static void spring_sockets(struct cf_stage *stage, struct cf_trapped *trapped,
                           struct cf_process *process)
{
    const char *name;
    json_t *now = named_sockets(), *value;
    (void)stage, (void)process;
    json_object_foreach (now, name, value)
        if (json_object_get(trapped->before, name) == NULL)
            cf_trap_touched(trapped, "socket", name);
    json_decref(now);
}

/* ---- files without number ---- */

enum { FEW = 1000 };

static json_int_t used_files(void)
{
    struct statvfs state;
    return statvfs("/tmp", &state) != 0 ? -1 : (json_int_t)(state.f_files - state.f_ffree);
}

static int set_full(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_start *start,
                    struct cf_error *err)
{
    (void)stage, (void)start, (void)err;
    trapped->before = json_integer(used_files());
    return 0;
}

static void spring_full(struct cf_stage *stage, struct cf_trapped *trapped,
                        struct cf_process *process)
{
    char text[64];
    json_int_t more = used_files() - json_integer_value(trapped->before);
    (void)stage, (void)process;
    snprintf(text, sizeof text, "%lld more files in the host's /tmp", (long long)more);
    if (more > FEW)
        cf_trap_touched(trapped, "files", text);
}

/* ---- whose the files are that a command makes in a writable mount ---- */

#define MADE "/lab/work/made"

/* Bare, somebody else makes them. The launcher may change owners, as a privileged operator's may:
 * a runner that gives files away can do so. */
static int set_owners(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_start *start,
                      struct cf_error *err)
{
    (void)trapped;
    start->second_user = stage->leg == CF_CONTROL;
    start->may_chown = stage->leg == CF_SUBJECT;
    return cf_trap_folder(MADE, 0777, err);
}

/* nftw() has no context argument. */
static __thread struct cf_trapped *walked;

static int check_owner(const char *path, const struct stat *status, int type, struct FTW *at)
{
    char text[256];
    (void)type, (void)at;
    snprintf(text, sizeof text, "%.160s belongs to %ld:%ld, mode %06o", path, (long)status->st_uid,
             (long)status->st_gid, (unsigned)status->st_mode);
    if (status->st_uid != geteuid() || status->st_gid != getegid())
        cf_trap_touched(walked, "owner", text);
    else if (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode))
        cf_trap_touched(walked, "device", text);
    return 0;
}

static void look_at_owners(struct cf_trapped *trapped, const struct cf_process *process)
{
    (void)process;
    walked = trapped;
    nftw("/lab/work", check_owner, 8, FTW_PHYS);
    if (access(MADE "/plain", F_OK) != 0)
        cf_trap_touched(trapped, "none", "what the command made is not there");
}

#define STALE_ROOT "/lab/run/firma-run-0"
const struct cf_trap cf_plain_traps[] = {
    {"twins", set_twins, NULL, look_for_twins, {TWINS}, false},
    {"stale", set_stale, NULL, look_at_stale, {BYSTANDER, STALE_ROOT}, false},
    {"sockets", set_sockets, spring_sockets, NULL, {NULL}, false},
    {"full", set_full, spring_full, NULL, {NULL}, false},
    {"owners", set_owners, NULL, look_at_owners, {MADE}, false},
    {.name = NULL},
};
