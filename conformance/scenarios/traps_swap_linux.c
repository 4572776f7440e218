/*
 * traps_swap_linux.c - links and files exchanged between a launcher's check and their use.
 *
 * No race is run: the exchange is made while the launcher waits for its sidecar, which it asks
 * when all its checks are behind it (gate.h). The other thing leaves a mark of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/traps.h"

#define SWAP  "/lab/swap"
#define OTHER "/lab/swap-other"

static const char marked[] = OTHER "/ran", word[] = "the-other-folder";

static int make_link(const char *target, const char *path, struct cf_error *err)
{
    return symlink(target, path) == 0 ? 0 : cf_fail(err, CF_E_SYSTEM, errno, "%s", path);
}

/* A script that goes on as RUNNER, having left a mark if MARK says so. */
static int make_script(const char *path, bool mark, const char *runner, struct cf_error *err)
{
    char text[512];
    snprintf(text, sizeof text, "#!/bin/sh\n%s%s\nexec %s \"$@\"\n", mark ? ": >" : "",
             mark ? marked : "", runner);
    return cf_trap_file(path, text, 0755, err);
}

/* The gate stands where the launcher looks for its sidecar, and a bare command for its proxy. */
static int set_gate(struct cf_trapped *trapped, struct cf_start *start, struct cf_error *err)
{
    char address[64];
    int failed = cf_gate_open(&trapped->gate, NULL, err);
    if (failed == 0)
        failed = cf_trap_folder(SWAP, 0755, err);
    if (failed == 0)
        failed = cf_trap_folder(OTHER, 0755, err);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", trapped->gate.port);
    cf_words_set(&start->env, "FIRMA_RUN_SIDECAR", address);
    snprintf(address, sizeof address, "http://127.0.0.1:%u", trapped->gate.port);
    cf_words_set(&start->env, "http_proxy", address);
    return failed;
}

/* Only the launcher's environment may name things of its own. */
static void name_for_launcher(const struct cf_stage *stage, struct cf_start *start,
                              const char *variable, const char *value)
{
    if (stage->leg == CF_SUBJECT)
        cf_words_set(&start->env, variable, value);
}

static bool relink(const char *path, const char *target)
{
    char part[128];
    snprintf(part, sizeof part, "%s.part", path);
    return symlink(target, part) == 0 && rename(part, path) == 0;
}

/* What stands at PATH goes away, and a link to TARGET stands there. */
static bool replace(const char *path, const char *target)
{
    return rename(path, SWAP "/away") == 0 && symlink(target, path) == 0;
}

/* Once somebody has knocked; then all goes on as if nothing had happened. */
static void exchange(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_process *process,
                     bool (*swap)(void))
{
    trapped->sprung = cf_gate_await(&trapped->gate, process->exit_fd, stage->launch_ms) && swap();
    cf_gate_serve(&trapped->gate, stage->sidecar.port);
}

#define SPRING(name)                                                                               \
    static void spring_##name(struct cf_stage *stage, struct cf_trapped *trapped,                  \
                              struct cf_process *process)                                          \
    {                                                                                              \
        exchange(stage, trapped, process, swap_##name);                                            \
    }

/* ---- the runner ---- */

static int set_runner(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_start *start,
                      struct cf_error *err)
{
    int failed = set_gate(trapped, start, err);
    if (failed == 0)
        failed =
            make_link(stage->leg == CF_SUBJECT ? stage->runner : "/bin/true", SWAP "/runner", err);
    if (failed == 0)
        failed = make_script(OTHER "/runner", true,
                             stage->leg == CF_SUBJECT ? stage->runner : "/bin/true", err);
    name_for_launcher(stage, start, "FIRMA_RUN_VZ_GUEST_RUNNER", SWAP "/runner");
    return failed;
}

static bool swap_runner(void)
{
    return relink(SWAP "/runner", OTHER "/runner");
}
SPRING(runner)

static void look_for_mark(struct cf_trapped *trapped, const struct cf_process *process)
{
    (void)process;
    if (access(marked, F_OK) == 0)
        cf_trap_touched(trapped, "ran", OTHER "/runner");
}

/* A script has to be opened by its name once more. */
static int set_script(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_start *start,
                      struct cf_error *err)
{
    const char *runner = stage->leg == CF_SUBJECT ? stage->runner : "/bin/true";
    int failed = set_gate(trapped, start, err);
    if (failed == 0)
        failed = make_script(SWAP "/runner", false, runner, err);
    if (failed == 0)
        failed = make_script(OTHER "/runner", true, runner, err);
    name_for_launcher(stage, start, "FIRMA_RUN_VZ_GUEST_RUNNER", SWAP "/runner");
    return failed;
}

static bool swap_script(void)
{
    return rename(OTHER "/runner", SWAP "/runner") == 0;
}
SPRING(script)

/* ---- a mount's source ---- */

static int set_mount(struct cf_trapped *trapped, struct cf_start *start, struct cf_error *err)
{
    int failed = set_gate(trapped, start, err);
    if (failed == 0)
        failed = cf_trap_folder(SWAP "/folder", 0755, err);
    if (failed == 0)
        failed = cf_trap_file(SWAP "/folder/word", "the-one-that-was-checked", 0644, err);
    return failed != 0 ? failed : cf_trap_file(OTHER "/word", word, 0644, err);
}

static int set_mount_link(struct cf_stage *stage, struct cf_trapped *trapped,
                          struct cf_start *start, struct cf_error *err)
{
    (void)stage;
    int failed = set_mount(trapped, start, err);
    return failed != 0 ? failed : make_link(SWAP "/folder", SWAP "/mount", err);
}

static bool swap_mount_link(void)
{
    return relink(SWAP "/mount", OTHER);
}
SPRING(mount_link)

static int set_mount_folder(struct cf_stage *stage, struct cf_trapped *trapped,
                            struct cf_start *start, struct cf_error *err)
{
    (void)stage;
    int failed = set_mount(trapped, start, err);
    if (failed == 0 && rename(SWAP "/folder", SWAP "/mount") != 0)
        failed = cf_fail(err, CF_E_SYSTEM, errno, SWAP "/mount");
    return failed;
}

static bool swap_mount_folder(void)
{
    return replace(SWAP "/mount", OTHER);
}
SPRING(mount_folder)

static void look_for_word(struct cf_trapped *trapped, const struct cf_process *process)
{
    if (memmem(process->out.data, process->out.kept, word, strlen(word)) != NULL)
        cf_trap_touched(trapped, "read", OTHER "/word");
}

/* ---- where a launch keeps its contract ---- */

static int set_runtime(struct cf_stage *stage, struct cf_trapped *trapped, struct cf_start *start,
                       struct cf_error *err)
{
    static const struct timespec long_ago[2] = {{0, 0}, {0, 0}};
    int failed = set_gate(trapped, start, err);
    if (failed == 0)
        failed = cf_trap_folder(SWAP "/runtime", 0700, err);
    if (failed == 0)
        failed = cf_trap_folder(OTHER "/runtime", 0700, err);
    if (failed == 0 && utimensat(AT_FDCWD, OTHER "/runtime", long_ago, 0) != 0)
        failed = cf_fail(err, CF_E_SYSTEM, errno, OTHER "/runtime");
    name_for_launcher(stage, start, "XDG_RUNTIME_DIR", SWAP "/runtime");
    return failed;
}

static bool swap_runtime(void)
{
    return replace(SWAP "/runtime", OTHER "/runtime");
}
SPRING(runtime)

/* Whatever was made there may be gone again; the folder's time tells. */
static void look_at_runtime(struct cf_trapped *trapped, const struct cf_process *process)
{
    struct stat state;
    (void)process;
    if (stat(OTHER "/runtime", &state) != 0 || state.st_mtim.tv_sec != 0)
        cf_trap_touched(trapped, "made", "something in " OTHER "/runtime");
}

const struct cf_trap cf_swap_traps[] = {
    {"swap-runner", set_runner, spring_runner, look_for_mark, {SWAP, OTHER}, true},
    {"swap-script", set_script, spring_script, look_for_mark, {SWAP, OTHER}, true},
    {"swap-mount-link", set_mount_link, spring_mount_link, look_for_word, {SWAP, OTHER}, true},
    {"swap-mount-folder",
     set_mount_folder,
     spring_mount_folder,
     look_for_word,
     {SWAP, OTHER},
     true},
    {"swap-runtime", set_runtime, spring_runtime, look_at_runtime, {SWAP, OTHER}, true},
    {.name = NULL},
};
