/*
 * load-launches: the same launch again and again, in a row and many at once; each must exit 0 and
 * leave nothing behind.
 *
 *     load-launches --count N --at-once N --rounds N --runtime-root DIR --temporary DIR
 *                   -- FIRMA-RUN ARG...
 *
 * To be run as the only thing in a network and pid namespace: then what /proc shows is ours.
 * Orphans come to this process (PR_SET_CHILD_SUBREAPER), so a launch that ended has left a process
 * exactly when there is still a child. One line of JSON; exit status as load-services'.
 */
#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct options {
    unsigned count, at_once, rounds;
    const char *runtime_root, *temporary;
    char **command;
};

/* What there is, in these namespaces and folders. */
struct census {
    long processes, sockets, mounts, entries;
};

struct run {
    const struct options *options;
    struct firma_loop *loop;
    struct load_sidecar sidecar;
    struct load_report report;
    unsigned running, ended;
    uint64_t started, tenth[2]; /* milliseconds; of the first and the last tenth */
};

static bool number(const char *text, unsigned *out)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    *out = (unsigned)value;
    return *text != '\0' && *end == '\0' && value <= 100000;
}

static bool parse(struct options *options, char **argv)
{
    bool good = true;
    for (argv++; good && *argv != NULL && strcmp(*argv, "--") != 0; argv += 2) {
        const char *value = argv[1];
        if (value == NULL)
            return false;
        if (strcmp(*argv, "--count") == 0)
            good = number(value, &options->count);
        else if (strcmp(*argv, "--at-once") == 0)
            good = number(value, &options->at_once);
        else if (strcmp(*argv, "--rounds") == 0)
            good = number(value, &options->rounds);
        else if (strcmp(*argv, "--runtime-root") == 0)
            options->runtime_root = value;
        else if (strcmp(*argv, "--temporary") == 0)
            options->temporary = value;
        else
            good = false;
    }
    options->command = *argv != NULL ? argv + 1 : argv;
    return good && options->runtime_root != NULL && options->temporary != NULL &&
           *options->command != NULL;
}

static long entries(const char *path, bool numbers_only)
{
    DIR *list = opendir(path);
    long count = 0;
    if (list == NULL)
        load_give_up("%s: %s", path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (numbers_only)
            count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
        else
            count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(list);
    return count;
}

/* A TCP connection in TIME_WAIT (06) is nobody's any more. */
static long lines(const char *path, long headings)
{
    char line[1024];
    long count = -headings;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0; /* no such protocol here */
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(path, "/tcp") == NULL || strstr(line, " 06 00000000:00000000 ") == NULL;
    fclose(file);
    return count;
}

static struct census take_census(const struct options *options)
{
    static const char *const protocols[] = {"tcp",  "tcp6",    "udp",   "udp6",
                                            "unix", "netlink", "packet"};
    struct census census = {.processes = entries("/proc", true),
                            .mounts = lines("/proc/self/mountinfo", 0),
                            .entries = entries(options->runtime_root, false) +
                                       entries(options->temporary, false)};
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/net/%s", protocols[i]);
        census.sockets += lines(path, 1);
    }
    return census;
}

static void become(const struct run *run)
{
    char address[64];
    int null = open("/dev/null", O_RDWR);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", run->sidecar.port);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(null, 0) == 0 && dup2(2, 1) == 1 &&
        setenv("FIRMA_RUN_SIDECAR", address, 1) == 0 &&
        setenv("TMPDIR", run->options->temporary, 1) == 0)
        execv(run->options->command[0], run->options->command);
    fprintf(stderr, "load: %s: %s\n", run->options->command[0], strerror(errno));
    _exit(127);
}

static void launch_ended(void *context, pid_t child, int status)
{
    struct run *run = context;
    (void)child;
    run->ended++;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        load_problem(&run->report, "launch %u: %s %d", run->ended,
                     WIFEXITED(status) ? "exit status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    if (--run->running == 0)
        load_done(run->loop);
}

static void start_launch(struct run *run)
{
    struct firma_error err;
    pid_t child = fork();
    if (child == 0)
        become(run);
    if (child < 0 || firma_loop_child(run->loop, child, false, launch_ended, run, &err) != 0)
        load_give_up("cannot start a launch: %s", strerror(errno));
    run->running++;
}

/* The first child we have; 0 for none. */
static pid_t first_child(void)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    if (file == NULL)
        load_give_up("%s: %s", path, strerror(errno));
    if (fscanf(file, "%d", &child) != 1)
        child = 0;
    fclose(file);
    return child;
}

static void read_name(pid_t pid, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(name, (int)size, file) == NULL)
        snprintf(name, size, "?");
    if (file != NULL)
        fclose(file);
    name[strcspn(name, "\n")] = '\0';
}

/* No launch is running: any child is an orphan of one. It ends here, for the next launch to be
 * judged by itself. */
static void check_nothing_left(struct run *run)
{
    pid_t orphan;
    while ((orphan = first_child()) != 0) {
        char name[64];
        read_name(orphan, name, sizeof name);
        load_problem(&run->report, "launch %u left a process: %s", run->ended, name);
        kill(orphan, SIGKILL);
        while (waitpid(orphan, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    long left =
        entries(run->options->runtime_root, false) + entries(run->options->temporary, false);
    if (left > 0)
        load_problem(&run->report, "launch %u: %ld files or directories are left", run->ended,
                     left);
}

static void launch(struct run *run, unsigned at_once)
{
    for (unsigned i = 0; i < at_once; i++)
        start_launch(run);
    if (!load_wait(run->loop))
        load_give_up("%u launches did not end", run->running);
    check_nothing_left(run);
}

static void play(struct run *run)
{
    const struct options *options = run->options;
    unsigned tenth = options->count / 10 > 0 ? options->count / 10 : 1;
    for (unsigned i = 0; i < options->count && run->report.problem_count == 0; i++) {
        uint64_t start = firma_loop_now();
        launch(run, 1);
        if (i < tenth)
            run->tenth[0] += firma_loop_now() - start;
        if (i >= options->count - tenth)
            run->tenth[1] += firma_loop_now() - start;
        if ((i + 1) % 200 == 0)
            load_say("launches: %u of %u", i + 1, options->count);
    }
    load_number(&run->report, "in_a_row", run->ended);
    load_number(&run->report, "milliseconds_each",
                (long long)((firma_loop_now() - run->started) / (run->ended > 0 ? run->ended : 1)));
    load_number(&run->report, "milliseconds_each_of_first_tenth", (long long)run->tenth[0] / tenth);
    load_number(&run->report, "milliseconds_each_of_last_tenth", (long long)run->tenth[1] / tenth);
    for (unsigned i = 0; i < options->rounds && run->report.problem_count == 0; i++) {
        launch(run, options->at_once);
        load_say("launches: %u at once, round %u of %u", options->at_once, i + 1, options->rounds);
    }
    load_number(&run->report, "at_once", options->at_once);
    load_number(&run->report, "rounds", options->rounds);
    load_number(&run->report, "launches", run->ended);
}

static void compare(struct load_report *report, const char *what, long before, long after)
{
    if (before != after)
        load_problem(report, "%s: %ld, were %ld before", what, after, before);
}

static json_t *census_json(const struct census *census)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "processes", (json_int_t)census->processes, "sockets",
                     (json_int_t)census->sockets, "mounts", (json_int_t)census->mounts, "entries",
                     (json_int_t)census->entries);
}

int main(int argc, char **argv)
{
    struct options options = {.count = 200, .at_once = 50, .rounds = 1};
    struct run run = {.options = &options, .started = firma_loop_now()};
    struct firma_error err;
    (void)argc;
    if (!parse(&options, argv)) {
        fputs("usage: load-launches [--count N] [--at-once N] [--rounds N] --runtime-root DIR "
              "--temporary DIR -- FIRMA-RUN ARG...\n",
              stderr);
        return 2;
    }
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || firma_loop_open(&run.loop, &err) != 0)
        load_give_up("cannot adopt orphans: %s", strerror(errno));
    load_sidecar_open(&run.sidecar, run.loop);
    load_report_open(&run.report, "launches");
    struct census before = take_census(&options);
    play(&run);
    struct census after = take_census(&options);
    compare(&run.report, "processes", before.processes, after.processes);
    compare(&run.report, "sockets", before.sockets, after.sockets);
    compare(&run.report, "mounts", before.mounts, after.mounts);
    compare(&run.report, "files and directories", before.entries, after.entries);
    bool good = load_report_close(
        &run.report, firma_loop_now() - run.started,
        json_pack("{s:o, s:o}", "before", census_json(&before), "after", census_json(&after)));
    load_sidecar_close(&run.sidecar);
    firma_loop_close(run.loop);
    return good ? 0 : 1;
}
