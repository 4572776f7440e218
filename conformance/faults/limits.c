/* limits.c - the machine is short of something, or the streams are not what they should be. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

enum { PATIENCE_MS = 1500, CLOSED_PORT = 1, ALL_CLOSED = 7, STREAMS = 3 };

/* What a point does before a launch and undoes after it. */
struct scene {
    struct fault_launch launch;
    struct fault_allowance may;
    char undo[64]; /* a mount point */
    char knob[64], was[32];
    bool impossible;
};

struct kind {
    const char *name;
    void (*set)(struct scene *scene, const struct kind *kind, long value);
    int resource; /* RLIMIT_… */
    long unit;
    const char *word;
    long from, to, step;
};

static void set_limit(struct scene *scene, const struct kind *kind, long value)
{
    rlim_t limit = (rlim_t)(value * kind->unit);
    scene->launch.limited[0] = kind->resource + 1;
    scene->launch.limit[0] = (struct rlimit){limit, limit};
    scene->may.unstarted = true;
    scene->may.killed = kind->resource == RLIMIT_AS; /* by the kernel, in mid-exec */
    scene->may.no_memory = kind->resource == RLIMIT_DATA;
}

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return good;
}

/* How many namespaces of a type there may be: the cell's own are there already. */
static void set_namespaces(struct scene *scene, const struct kind *kind, long value)
{
    char text[16];
    snprintf(scene->knob, sizeof scene->knob, "/proc/sys/user/max_%s_namespaces", kind->word);
    FILE *file = fopen(scene->knob, "re");
    if (file == NULL || fgets(scene->was, sizeof scene->was, file) == NULL)
        scene->impossible = true;
    if (file != NULL)
        fclose(file);
    snprintf(text, sizeof text, "%ld", value);
    scene->impossible = scene->impossible || !put(scene->knob, text);
    scene->may.before = true;
}

static void cover(struct scene *scene, const char *where, unsigned long flags, const char *options)
{
    mkdir(where, 0700);
    scene->impossible = mount("tmpfs", where, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0;
    if (!scene->impossible && flags != 0)
        scene->impossible = mount(NULL, where, NULL,
                                  MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | flags, NULL) != 0;
    snprintf(scene->undo, sizeof scene->undo, "%s", where);
}

static void set_pages(struct scene *scene, const struct kind *kind, long value)
{
    char options[64];
    snprintf(options, sizeof options, "mode=0700,%s=%ld%s", kind->word, value * kind->unit,
             kind->unit > 1 ? "k" : "");
    cover(scene, "/run/small", 0, options);
    scene->launch.runtime = "/run/small/root";
}

static void set_read_only(struct scene *scene, const struct kind *kind, long value)
{
    bool named = value == 1;
    cover(scene, named ? "/run/small" : "/tmp", MS_RDONLY, "mode=1777");
    scene->launch.runtime = named ? "/run/small/root" : "";
    scene->may.before = true;
    (void)kind;
}

static void set_missing(struct scene *scene, const struct kind *kind, long value)
{
    static const char *const places[] = {"/run/nowhere/root", "/dev/null/root", "/proc/root", "/"};
    scene->launch.runtime = places[value];
    scene->may.before = true;
    (void)kind;
}

static void set_closed(struct scene *scene, const struct kind *kind, long value)
{
    for (int fd = 0; fd < STREAMS; fd++)
        scene->launch.closed[fd] = (value & 1 << fd) != 0;
    scene->may.mute = true;
    (void)kind;
}

static void set_disk_full(struct scene *scene, const struct kind *kind, long value)
{
    scene->launch.full_disk[value] = true;
    scene->may.mute = true;
    (void)kind;
}

static void set_broken(struct scene *scene, const struct kind *kind, long value)
{
    scene->launch.broken[value] = true;
    scene->may.mute = true;
    (void)kind;
}

static void set_dead_end(struct scene *scene, const struct kind *kind, long value)
{
    scene->launch.dead_end[value] = true;
    scene->launch.patience_ms = PATIENCE_MS;
    scene->may.mute = scene->may.may_wait = true;
    (void)kind;
}

/* A refusal whose message nobody reads. */
static void set_unheard(struct scene *scene, const struct kind *kind, long value)
{
    set_dead_end(scene, kind, value);
    scene->launch.port = CLOSED_PORT;
    scene->may.before = true;
}

static void set_clock(struct scene *scene, const struct kind *kind, long value)
{
    scene->launch.clock_ahead = value * kind->unit;
    scene->may.unstarted = true; /* where a kernel has no time namespaces */
}

enum { YEAR = 365 * 24 * 3600 };

static const struct kind kinds[] = {
    {"descriptors", set_limit, RLIMIT_NOFILE, 1, NULL, 3, 40, 1},
    {"address-space", set_limit, RLIMIT_AS, 512 * 1024, NULL, 2, 40, 1},
    {"data", set_limit, RLIMIT_DATA, 64 * 1024, NULL, 2, 24, 1},
    {"stack", set_limit, RLIMIT_STACK, 64 * 1024, NULL, 5, 16, 1},
    {"file-size", set_limit, RLIMIT_FSIZE, 512, NULL, 1, 4, 1},
    {"pending-signals", set_limit, RLIMIT_SIGPENDING, 1, NULL, 0, 2, 1},
    {"locked-memory", set_limit, RLIMIT_MEMLOCK, 4096, NULL, 0, 1, 1},
    {"user-namespaces", set_namespaces, 0, 1, "user", 0, 0, 1},
    {"pid-namespaces", set_namespaces, 0, 1, "pid", 0, 0, 1},
    {"mount-namespaces", set_namespaces, 0, 1, "mnt", 0, 0, 1},
    {"net-namespaces", set_namespaces, 0, 1, "net", 0, 0, 1},
    {"ipc-namespaces", set_namespaces, 0, 1, "ipc", 0, 0, 1},
    {"uts-namespaces", set_namespaces, 0, 1, "uts", 0, 0, 1},
    {"cgroup-namespaces", set_namespaces, 0, 1, "cgroup", 0, 0, 1},
    {"disk-pages", set_pages, 0, 4, "size", 1, 6, 1},
    {"disk-inodes", set_pages, 0, 1, "nr_inodes", 1, 8, 1},
    {"read-only", set_read_only, 0, 1, NULL, 0, 1, 1},
    {"no-directory", set_missing, 0, 1, NULL, 0, 3, 1},
    {"closed-streams", set_closed, 0, 1, NULL, 1, ALL_CLOSED, 1},
    {"full-disk-stream", set_disk_full, 0, 1, NULL, 1, STREAMS, 1},
    {"broken-pipe", set_broken, 0, 1, NULL, 1, STREAMS, 1},
    {"full-pipe", set_dead_end, 0, 1, NULL, 1, STREAMS, 1},
    {"full-pipe-refused", set_unheard, 0, 1, NULL, 1, STREAMS, 1},
    {"clock-ahead-years", set_clock, 0, YEAR, NULL, 1, 141, 70},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

void fault_limits_plan(json_t *ids)
{
    char id[FAULT_ID];
    for (size_t i = 0; i < KINDS; i++)
        for (long value = kinds[i].from; value <= kinds[i].to; value += kinds[i].step) {
            snprintf(id, sizeof id, "limit/%s/%ld", kinds[i].name, value);
            json_array_append_new(ids, json_string(id));
        }
}

static const struct kind *find(const char *id, long *value)
{
    char name[64];
    if (sscanf(id, "limit/%63[^/]/%ld", name, value) != 2)
        return NULL;
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0 && *value >= kinds[i].from && *value <= kinds[i].to)
            return &kinds[i];
    return NULL;
}

static void undo(const struct scene *scene)
{
    if (scene->undo[0] != '\0')
        umount2(scene->undo, MNT_DETACH);
    if (strncmp(scene->undo, "/run/", 5) == 0)
        rmdir(scene->undo);
    if (scene->was[0] != '\0')
        put(scene->knob, scene->was);
}

json_t *fault_limits_play(struct fault_cell *cell, const char *id, bool verbose)
{
    static struct fault_result result;
    struct scene scene = {.launch.port = cell->port, .may.struck = true};
    long value = 0;
    const struct kind *kind = find(id, &value);
    if (kind == NULL)
        return json_pack("{ss ss ss}", "id", id, "outcome", "no such point", "why", "limit/NAME/N");
    kind->set(&scene, kind, value);
    if (!scene.impossible)
        fault_launch_run(&scene.launch, NULL, cell->sidecar, &result);
    undo(&scene);
    if (scene.impossible)
        return json_pack("{ss ss ss}", "id", id, "outcome", "not reached", "why",
                         "this cannot be arranged here");
    return fault_point_conclude(cell, id, 0, &result, &scene.may, "", verbose);
}
