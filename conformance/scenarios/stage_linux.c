/* stage_linux.c - a stage's common work inside the lab. */
#include "scenarios/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/escape.h"
#include "scenarios/bait.h"

static json_t *words_json(const struct cf_words *words)
{
    json_t *list = json_array();
    for (size_t i = 0; i < words->count; i++)
        json_array_append_new(
            list, cf_events_data(words->items[i], strlen(words->items[i]), CF_TEXT_KEPT));
    return list;
}

int cf_stage_start(struct cf_stage *stage, struct cf_process *process, const struct cf_start *start,
                   int extra_fd, struct cf_error *err)
{
    struct cf_process_config config = {.argv = (const char *const *)start->argv.items,
                                       .envp = (const char *const *)start->env.items,
                                       .cwd = "/lab/work",
                                       .no_capabilities = start->no_capabilities,
                                       .second_user = start->second_user,
                                       .may_chown = start->may_chown,
                                       .extra_fd = extra_fd};
    memcpy(config.ends, start->ends, sizeof config.ends);
    cf_events_emit(stage->events, "command",
                   json_pack("{sososb}", "argv", words_json(&start->argv), "env",
                             words_json(&start->env), "terminal",
                             start->ends[0] == CF_END_TERMINAL));
    return cf_process_start(process, stage->lab, &config, err);
}

static void add_stream(json_t *fields, const char *name, const struct cf_stream *stream)
{
    char key[32];
    json_object_set_new(fields, name, cf_events_data(stream->data, stream->kept, CF_TEXT_KEPT));
    snprintf(key, sizeof key, "%s_bytes", name);
    json_object_set_new(fields, key, json_integer((json_int_t)stream->total));
    snprintf(key, sizeof key, "%s_sha256", name);
    json_object_set_new(fields, key, json_string(stream->sha256));
}

/* What nftw() finds below the run directory; nftw has no context argument, so the list it fills is
 * handed over through this one thread-local pointer. */
static __thread json_t *walk_list;
static __thread const char *walk_suffix;

static int walk_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    size_t length = strlen(path), suffix = strlen(walk_suffix);
    if (at->level > 0 && length >= suffix && strcmp(path + length - suffix, walk_suffix) == 0)
        json_array_append_new(walk_list, cf_events_data(path, length, 4096));
    return 0;
}

static json_t *paths_below(const char *directory, const char *suffix)
{
    walk_list = json_array();
    walk_suffix = suffix;
    nftw(directory, walk_entry, 8, FTW_PHYS);
    return walk_list;
}

void cf_stage_ended(struct cf_stage *stage, struct cf_process *process, const char *event,
                    json_t *fields)
{
    if (fields == NULL)
        fields = json_object();
    json_object_set_new(fields, "leg", json_string(cf_leg_name(stage->leg)));
    json_object_set_new(fields, "exit", json_integer(cf_process_code(process)));
    json_object_set_new(fields, "timed_out", json_boolean(process->timed_out));
    json_object_set_new(fields, "held_open", json_boolean(process->held_open));
    json_object_set_new(
        fields, "ms", json_integer((json_int_t)((process->stopped - process->started) / 1000000u)));
    add_stream(fields, "stdout", &process->out);
    add_stream(fields, "stderr", &process->err);
    json_t *times = cf_stage_machine_times();
    if (times != NULL)
        json_object_set_new(fields, "machine", times);
    json_object_set_new(fields, "survivors", cf_lab_survivors(stage->lab));
    json_object_set_new(fields, "left", paths_below("/lab/run", ""));
    cf_events_emit(stage->events, event, fields);
    cf_lab_clear(stage->lab);
    cf_process_release(process);
}

/* Waits until the first of SURVIVORS has gone, or the deadline. */
static void await_first(const json_t *survivors, uint64_t deadline)
{
    pid_t pid = (pid_t)json_integer_value(json_object_get(json_array_get(survivors, 0), "pid"));
    uint64_t now = cf_now();
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return;
    struct pollfd gone = {.fd = fd, .events = POLLIN};
    poll(&gone, 1, now < deadline ? (int)((deadline - now) / 1000000u) + 1 : 0);
    close(fd);
}

void cf_stage_await_gone(struct cf_stage *stage, unsigned ms)
{
    uint64_t began = cf_now(), deadline = began + (uint64_t)ms * 1000000u;
    for (;;) {
        json_t *survivors = cf_lab_survivors(stage->lab);
        bool gone = json_array_size(survivors) == 0;
        if (!gone && cf_now() < deadline)
            await_first(survivors, deadline);
        json_decref(survivors);
        if (gone || cf_now() >= deadline) {
            json_int_t waited = (json_int_t)((cf_now() - began) / 1000000u);
            cf_events_emit(stage->events, gone ? "gone" : "never-gone",
                           json_pack("{sI}", "ms", waited));
            return;
        }
    }
}

json_t *cf_stage_contract(struct cf_stage *stage)
{
    json_t *paths = paths_below("/lab/run", "/vz-guest-launch.json");
    const char *path = json_string_value(json_array_get(paths, 0));
    json_t *contract = NULL;
    char *text = calloc(1, CF_TEXT_KEPT);
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd < 0 || text == NULL ? -1 : read(fd, text, CF_TEXT_KEPT - 1);
    if (got > 0) {
        contract = json_loadb(text, (size_t)got, 0, NULL);
        cf_events_emit(stage->events, "contract",
                       json_pack("{ssso}", "path", path, "text",
                                 cf_events_data(text, (size_t)got, CF_TEXT_KEPT)));
    }
    if (fd >= 0)
        close(fd);
    free(text);
    json_decref(paths);
    return contract;
}

void cf_stage_probe(const struct cf_stage *stage, const char *command[8])
{
    const char *words[] = {"/lab/bin/firma-probe", "--plan", "/lab/plan/plan.txt", "--token",
                           stage->launch->token,   NULL};
    memcpy(command, words, sizeof words);
}

int cf_stage_write_plan(struct cf_stage *stage, struct cf_error *err)
{
    if (mkdir("/lab/plan", 0755) != 0 && errno != EEXIST)
        return cf_fail(err, CF_E_SYSTEM, errno, "/lab/plan");
    FILE *out = fopen("/lab/plan/plan.txt", "wx");
    if (out == NULL)
        return cf_fail(err, CF_E_SYSTEM, errno, "/lab/plan/plan.txt");
    cf_plan_write(out, stage->launch, stage->leg, cf_lab_facts(stage->lab));
    if (fclose(out) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "/lab/plan/plan.txt");
    return 0;
}

/* The stated window after a launch: an observation, not a synchronisation. */
static void settle(struct cf_stage *stage)
{
    poll(NULL, 0, CF_SETTLE_MS);
    cf_events_emit(stage->events, "settled", json_pack("{si}", "ms", CF_SETTLE_MS));
}

/* What the guest may not write: the read-only mount; a folder that no mount leads to; a port that
 * is the host's. */
static const char *const guarded[] = {"/lab/readonly", "/lab/host", "/dev/virtio-ports"};
enum { GUARDED = sizeof guarded / sizeof guarded[0] };

/* Every file below FOLDER, as the host finds it. */
static void record_below(struct cf_stage *stage, const char *folder)
{
    json_t *paths = paths_below(folder, "");
    size_t index;
    json_t *path;
    json_array_foreach (paths, index, path) {
        char text[4096];
        int fd = open(json_string_value(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text);
        cf_events_emit(stage->events, "file",
                       json_pack("{sOso}", "path", path, "data",
                                 cf_events_data(text, got > 0 ? (size_t)got : 0, sizeof text)));
        if (fd >= 0)
            close(fd);
    }
    json_decref(paths);
}

static int plant_file(const char *path, struct cf_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return 0; /* an image of the operator's, copied in when the lab was made */
    if (fd < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", path);
    close(fd);
    return 0;
}

static void record_files(struct cf_stage *stage)
{
    for (size_t i = 0; i < GUARDED; i++)
        record_below(stage, guarded[i]);
}

/* The guarded folders' canaries, and guest images for runners that boot none. */
static int plant_files(struct cf_error *err)
{
    static const char *const files[] = {"/lab/readonly/canary",     "/lab/host/canary",
                                        "/dev/virtio-ports/canary", "/lab/artifacts/kernel",
                                        "/lab/artifacts/initrd",    "/lab/artifacts/rootfs"};
    int failed = 0;
    for (size_t i = 0; i < GUARDED; i++)
        if (mkdir(guarded[i], 0755) != 0)
            return cf_fail(err, CF_E_SYSTEM, errno, "%s", guarded[i]);
    if (mkdir("/lab/artifacts", 0755) != 0 && errno != EEXIST)
        return cf_fail(err, CF_E_SYSTEM, errno, "/lab/artifacts");
    for (size_t i = 0; i < sizeof files / sizeof files[0] && failed == 0; i++)
        failed = plant_file(files[i], err);
    return failed;
}

static int play(struct cf_stage *stage, struct cf_error *err)
{
    switch (stage->launch->launch->scenario) {
    case CF_PROBE:
        return cf_scenario_probe(stage, err);
    case CF_OUTAGE:
        return cf_scenario_outage(stage, err);
    case CF_REFUSE:
        return cf_scenario_refuse(stage, err);
    case CF_CASES:
        return cf_scenario_cases(stage, err);
    case CF_RECORDER:
        return cf_scenario_recorder(stage, err);
    case CF_NEIGHBOUR:
        return cf_scenario_neighbour(stage, err);
    case CF_INBOUND:
        return cf_scenario_inbound(stage, err);
    }
    return cf_fail(err, CF_E_SYSTEM, 0, "%s: unknown scenario", stage->launch->launch->name);
}

/* A launch named for a real proxy has one in front of the sidecar that records. */
static int start_proxy(struct cf_stage *stage, struct cf_error *err)
{
    const struct cf_launch *launch = stage->launch->launch;
    if (launch->scenario != CF_CASES || launch->detail[0] == '\0' ||
        cf_launch_has_second_user(launch))
        return 0;
    return cf_lab_proxy_start(stage->lab, launch->detail, stage->sidecar.port, &stage->proxy, err);
}

int cf_stage_run(struct cf_stage *stage, struct cf_error *err)
{
    int failed = plant_files(err);
    if (failed == 0)
        failed = cf_stage_keep_machine_logs(err);
    if (failed == 0)
        failed = cf_bait_plant(stage, err);
    if (failed == 0)
        failed = cf_lab_heartbeat(stage->lab, "opening", err);
    if (failed == 0)
        failed = cf_lab_sidecar_start(stage->lab, "", 0, &stage->sidecar, err);
    if (failed == 0)
        failed = start_proxy(stage, err);
    if (failed == 0)
        failed = cf_stage_write_plan(stage, err);
    if (failed == 0)
        failed = play(stage, err);
    cf_lab_clear(stage->lab);
    settle(stage);
    record_files(stage);
    cf_bait_record(stage);
    cf_lab_proxy_stop(&stage->proxy);
    cf_lab_sidecar_stop(stage->lab, &stage->sidecar, SIGTERM);
    if (failed == 0)
        failed = cf_lab_heartbeat(stage->lab, "closing", err);
    return failed;
}
