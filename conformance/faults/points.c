/* points.c - what an id means, and which ids there are. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

enum { PARTS = 6, CUT_TRAFFIC = 60 };

static const char *const scenes[] = {"plain", "terminal"};
static const char *const programs[] = {"firma-run", "firma-ns-runner"};
static const char *const clocks[PRELOAD_CLOCKS] = {"realtime", "monotonic"};
static const struct {
    const char *words;
    bool before; /* the command may not start */
} scripts[] = {{"hang", true},
               {"refuse", true},
               {"deny", false},
               {"slow=50", false},
               {"close-after-check", true},
               {"close-after=2", false}};

/* ---- an id in its parts ---- */

struct words {
    char text[FAULT_ID];
    const char *part[PARTS];
    size_t count;
};

static void split(const char *id, struct words *out)
{
    char *save = NULL;
    memset(out, 0, sizeof *out);
    snprintf(out->text, sizeof out->text, "%s", id);
    for (char *at = strtok_r(out->text, "/", &save); at != NULL && out->count < PARTS;
         at = strtok_r(NULL, "/", &save))
        out->part[out->count++] = at;
}

static int word_of(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; word != NULL && i < count; i++)
        if (strcmp(list[i], word) == 0)
            return (int)i;
    return -1;
}

static unsigned number_of(const char *text)
{
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 0;
}

/* ---- playing ---- */

static void revive_sidecar(struct fault_cell *cell, bool anew)
{
    if (cell->sidecar > 0 && (anew || kill(cell->sidecar, 0) != 0)) {
        fault_sidecar_stop(cell->sidecar);
        cell->sidecar = 0;
    }
    if (cell->sidecar <= 0)
        cell->sidecar = fault_sidecar_start("", -1, &cell->port);
}

static json_t *describe(const char *id, const char *detail, enum fault_outcome outcome,
                        const char *why, const struct fault_result *result, bool verbose)
{
    int status = result->end.status;
    json_t *object = json_pack("{ss ss ss ss si}", "id", id, "outcome", fault_outcome_name(outcome),
                               "why", why, "detail", detail, "exit",
                               WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
    if (object == NULL)
        object = json_pack("{ss ss ss}", "id", id, "outcome", "WRONG", "why", "not UTF-8");
    if (!verbose)
        return object;
    const struct {
        const char *name, *text;
    } texts[] = {{"stdout", result->out},
                 {"stderr", result->err},
                 {"status", result->status},
                 {"report", result->report}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        json_object_set_new(object, texts[i].name, json_string(texts[i].text));
    return object;
}

static json_t *complain(const char *id, const char *why)
{
    return json_pack("{ss ss ss}", "id", id, "outcome", "no such point", "why", why);
}

json_t *fault_point_conclude(const struct fault_cell *cell, const char *id, int scene,
                             const struct fault_result *result, const struct fault_allowance *may,
                             const char *detail, bool verbose)
{
    char why[512] = "";
    enum fault_outcome outcome = fault_judge(result, may, cell->reference[scene], why);
    if (outcome != FAULT_WRONG && !may->struck)
        outcome = FAULT_NOT_REACHED;
    return describe(id, detail, outcome, why, result, verbose);
}

static bool parse_step(const struct words *words, size_t at, struct fault_order *order)
{
    if (words->count != at + 3)
        return false;
    order->role = fault_role_find(words->part[at]);
    order->call = fault_call_find(words->part[at + 1]);
    order->nth = number_of(words->part[at + 2]);
    return order->role >= 0 && order->role < FAULT_ROLES && order->call >= 0 && order->nth > 0;
}

static bool is_outside(int role)
{
    return role == FAULT_LAUNCHER || role == FAULT_GUARDIAN;
}

/* Had the launch gone so far that nobody could call it back? What is done in the guest and to it
 * comes before the exec; who only serves it is no longer asked once the runner has its answer. */
static bool was_before(const struct fault_trace *trace)
{
    return is_outside(trace->order.role) ? !trace->committed_before : !trace->executed_before;
}

/* ID: call|interrupt / SCENE / ROLE / CALL / N */
static json_t *play_call(struct fault_cell *cell, const char *id, const struct words *words,
                         bool verbose)
{
    static struct fault_result result;
    struct fault_trace trace = {0};
    bool interrupt = strcmp(words->part[0], "interrupt") == 0;
    int scene = word_of(words->part[1], scenes, 2);
    if (scene < 0 || !parse_step(words, 2, &trace.order))
        return complain(id, "needs SCENE/ROLE/CALL/N");
    const char *role = words->part[2], *call = words->part[3];
    trace.order.errnum = interrupt ? EINTR : fault_call_errno(trace.order.call);
    if (trace.order.errnum == 0)
        return complain(id, "this call cannot fail");
    struct fault_launch launch = {.terminal = scene == 1, .port = cell->port};
    fault_launch_run(&launch, &trace, cell->sidecar, &result);
    struct fault_allowance may = {
        .struck = trace.fired,
        .before = was_before(&trace),
        .loading = trace.loading,
        .ignorable = interrupt || trace.loading ||
                     fault_ignorable_reason(cell->ignorable, role, call, trace.detail),
        .mute = trace.order.role == FAULT_LAUNCHER &&
                (strcmp(call, "write") == 0 || strcmp(call, "poll") == 0),
        .no_traffic = !was_before(&trace)};
    return fault_point_conclude(cell, id, scene, &result, &may, trace.detail, verbose);
}

static void preload(struct fault_cell *cell, const char *program)
{
    FILE *list = fopen("/etc/ld.so.preload", "we");
    memset(cell->page, 0, sizeof *cell->page);
    snprintf(cell->page->program, sizeof cell->page->program, "%s", program);
    if (list != NULL) {
        fputs(PRELOAD_LIBRARY "\n", list);
        fclose(list);
    }
}

static void run_preloaded(const struct fault_cell *cell, const struct fault_launch *launch,
                          struct fault_trace *trace, struct fault_result *result)
{
    fault_launch_run(launch, trace, cell->sidecar, result);
    unlink("/etc/ld.so.preload");
    char *etc = strstr(result->report, " ld.so.preload"); /* the guest's /etc is the host's */
    if (etc != NULL)
        memmove(etc, etc + strlen(" ld.so.preload"), strlen(etc + strlen(" ld.so.preload")) + 1);
    char *mount = strstr(result->report, "mount /etc/ld.so.preload ");
    if (mount != NULL) {
        const char *rest = mount + strcspn(mount, "\n") + 1;
        memmove(mount, rest, strlen(rest) + 1);
    }
}

/* An answer that was given before its giver died is an answer. */
static bool was_answerable(const struct fault_trace *trace)
{
    int victim = trace->order.victim;
    return victim == FAULT_SIDECAR || is_outside(victim) ? trace->asked_before
                                                         : trace->committed_before;
}

/* Before there is a guardian nobody is left to tidy up after a killed launcher, but the next launch
 * is: a minute later, because a directory may be another's that was born just now. */
static bool is_swept(struct fault_cell *cell, int scene)
{
    static struct fault_result next;
    const struct fault_launch launch = {
        .sweeps = true, .runtime = "", .terminal = scene == 1, .port = cell->port};
    struct fault_trace trace = {0};
    char why[512];
    const struct fault_allowance may = {0};
    preload(cell, programs[0]);
    cell->page->jump_at[0] = 1;
    cell->page->jump_seconds = 3600;
    run_preloaded(cell, &launch, &trace, &next);
    return fault_judge(&next, &may, cell->reference[scene], why) == FAULT_RIGHT;
}

/* ID: kill / SCENE / VICTIM / ROLE / CALL / N: as ROLE enters it. */
static json_t *play_kill(struct fault_cell *cell, const char *id, const struct words *words,
                         bool verbose)
{
    static struct fault_result result;
    struct fault_trace trace = {0};
    int scene = word_of(words->part[1], scenes, 2);
    trace.order.victim = words->count > 2 ? fault_role_find(words->part[2]) : -1;
    if (scene < 0 || trace.order.victim < 0 || !parse_step(words, 3, &trace.order))
        return complain(id, "needs SCENE/VICTIM/ROLE/CALL/N");
    struct fault_launch launch = {.runtime = "", .terminal = scene == 1, .port = cell->port};
    fault_launch_run(&launch, &trace, cell->sidecar, &result);
    struct fault_allowance may = {.struck = trace.fired && trace.victim_lived,
                                  .before = !was_answerable(&trace),
                                  .killed = trace.order.victim != FAULT_SIDECAR,
                                  .no_traffic = true};
    bool unguarded = trace.order.victim == FAULT_LAUNCHER && !trace.runner_executed;
    if (result.residue[0] != '\0' && unguarded && is_swept(cell, scene)) {
        result.residue[0] = '\0';
        snprintf(trace.detail, sizeof trace.detail, "swept by the next launch");
    }
    return fault_point_conclude(cell, id, scene, &result, &may, trace.detail, verbose);
}

/* ID: alloc / PROGRAM / N */
static json_t *play_alloc(struct fault_cell *cell, const char *id, const struct words *words,
                          bool verbose)
{
    static struct fault_result result;
    struct fault_trace trace = {0};
    int program = word_of(words->part[1], programs, 2);
    if (program < 0 || words->count != 3 || number_of(words->part[2]) == 0)
        return complain(id, "needs PROGRAM/N");
    preload(cell, programs[program]);
    cell->page->fail_at = number_of(words->part[2]);
    const struct fault_launch launch = {.port = cell->port};
    run_preloaded(cell, &launch, &trace, &result);
    char caller[sizeof cell->page->caller];
    fault_symbols_name(cell->page->caller, caller, sizeof caller);
    uint64_t committed = program == 0 ? trace.committed_ns : trace.executed_ns;
    bool before = committed == 0 || cell->page->failed_ns < committed;
    struct fault_allowance may = {
        .struck = cell->page->failed != 0,
        .before = before,
        .ignorable =
            fault_ignorable_reason(cell->ignorable, programs[program], "malloc", caller) != NULL,
        .no_traffic = !before};
    return fault_point_conclude(cell, id, 0, &result, &may, caller, verbose);
}

/* ID: clock / PROGRAM / CLOCK / N / SECONDS: from its N-th reading on the clock is off. */
static json_t *play_clock(struct fault_cell *cell, const char *id, const struct words *words,
                          bool verbose)
{
    static struct fault_result result;
    struct fault_trace trace = {0};
    int program = word_of(words->part[1], programs, 2);
    int clock = words->count == 5 ? word_of(words->part[2], clocks, PRELOAD_CLOCKS) : -1;
    unsigned nth = words->count == 5 ? number_of(words->part[3]) : 0;
    if (program < 0 || clock < 0 || nth == 0)
        return complain(id, "needs PROGRAM/CLOCK/N/SECONDS");
    preload(cell, programs[program]);
    cell->page->jump_at[clock] = nth;
    cell->page->jump_seconds = strtoll(words->part[4], NULL, 10);
    const struct fault_launch launch = {.port = cell->port};
    run_preloaded(cell, &launch, &trace, &result);
    struct fault_allowance may = {.struck = cell->page->readings[clock] >= nth,
                                  .no_traffic = clock == 1};
    return fault_point_conclude(cell, id, 0, &result, &may, "", verbose);
}

/* ID: sidecar / cut / N, or sidecar / script / WORDS */
static json_t *play_sidecar(struct fault_cell *cell, const char *id, const struct words *words,
                            bool verbose)
{
    static struct fault_result result;
    struct fault_allowance may = {.struck = true, .no_traffic = true};
    const char *script = "";
    long cut = -1;
    if (words->count != 3)
        return complain(id, "needs cut/N or script/WORDS");
    if (strcmp(words->part[1], "cut") == 0) {
        cut = (long)number_of(words->part[2]);
        may.before = cut < 2 * fault_sidecar_answer_length();
    } else {
        script = words->part[2];
        for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
            if (strcmp(scripts[i].words, script) == 0)
                may.before = scripts[i].before;
    }
    struct fault_launch launch = {0};
    struct fault_trace trace = {.order.victim = FAULT_SIDECAR};
    pid_t sidecar = fault_sidecar_start(script, cut, &launch.port);
    fault_sidecar_stop(cell->sidecar);
    cell->sidecar = 0;
    fault_launch_run(&launch, &trace, sidecar, &result);
    fault_sidecar_stop(sidecar);
    return fault_point_conclude(cell, id, 0, &result, &may, "", verbose);
}

json_t *fault_point_play(struct fault_cell *cell, const char *id, bool verbose)
{
    static const struct {
        const char *kind;
        json_t *(*play)(struct fault_cell *, const char *, const struct words *, bool);
    } kinds[] = {{"call", play_call},   {"interrupt", play_call}, {"kill", play_kill},
                 {"alloc", play_alloc}, {"clock", play_clock},    {"sidecar", play_sidecar}};
    struct words words;
    split(id, &words);
    revive_sidecar(cell, false);
    for (size_t i = 0; words.count > 1 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].kind, words.part[0]) == 0)
            /* cppcheck-suppress returnDanglingLifetime ; what they return is JSON of its own */
            return kinds[i].play(cell, id, &words, verbose);
    if (words.count > 1 && strcmp(words.part[0], "limit") == 0)
        return fault_limits_play(cell, id, verbose);
    return complain(id, "the kinds are call, interrupt, kill, alloc, clock, sidecar and limit");
}

/* ---- planning ---- */

struct plan {
    json_t *ids;
    int scene;
    bool strange; /* a call that no table knows */
};

static void add(json_t *ids, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(json_t *ids, const char *format, ...)
{
    char id[FAULT_ID];
    va_list args;
    va_start(args, format);
    vsnprintf(id, sizeof id, format, args);
    va_end(args);
    json_array_append_new(ids, json_string(id));
}

static bool may_be_interrupted(const char *call)
{
    static const char *const waiting[] = {
        "read",     "write",           "recvfrom", "recvmsg",     "recvmmsg", "sendto",
        "sendmmsg", "sendmsg",         "accept4",  "epoll_wait",  "poll",     "pselect6",
        "wait4",    "rt_sigtimedwait", "pread64",  "epoll_pwait", "ppoll",    "openat"};
    return word_of(call, waiting, sizeof waiting / sizeof waiting[0]) >= 0;
}

/* Whose death, other than its own, is worth a point while ROLE makes a call. */
static bool is_victim(int victim, int role)
{
    return victim == role || victim == FAULT_SIDECAR || (victim < role && victim != FAULT_SPAWN) ||
           (role == FAULT_LAUNCHER && victim == FAULT_GUARDIAN) ||
           (role == FAULT_RUNNER && victim == FAULT_INIT);
}

static void plan_call(void *context, int role, long number, unsigned nth, const char *detail)
{
    struct plan *plan = context;
    const char *scene = scenes[plan->scene], *name = fault_call_name(number);
    const char *who = fault_role_name(role);
    (void)detail;
    if (name == NULL) {
        fprintf(stderr, "faults: call %ld of the %s is in no table; add it to calls.def\n", number,
                who);
        plan->strange = true;
        return;
    }
    if (fault_call_errno(number) != 0)
        add(plan->ids, "call/%s/%s/%s/%u", scene, who, name, nth);
    if (may_be_interrupted(name))
        add(plan->ids, "interrupt/%s/%s/%s/%u", scene, who, name, nth);
    for (int victim = 0; victim <= FAULT_SIDECAR; victim++)
        if (is_victim(victim, role))
            add(plan->ids, "kill/%s/%s/%s/%s/%u", scene, fault_role_name(victim), who, name, nth);
}

static void plan_preloaded(struct fault_cell *cell, json_t *ids)
{
    static struct fault_result result;
    static const long long jumps[PRELOAD_CLOCKS][3] = {{-86400, 315360000, -1700000000},
                                                       {3600, 86400, 315360000}};
    const struct fault_launch launch = {.port = cell->port};
    for (size_t program = 0; program < 2; program++) {
        struct fault_trace trace = {0};
        preload(cell, programs[program]);
        run_preloaded(cell, &launch, &trace, &result);
        for (unsigned nth = 1; nth <= cell->page->allocations; nth++)
            add(ids, "alloc/%s/%u", programs[program], nth);
        for (int clock = 0; clock < PRELOAD_CLOCKS; clock++)
            for (unsigned nth = 1; nth <= cell->page->readings[clock]; nth++)
                for (size_t jump = 0; jump < 3; jump++)
                    add(ids, "clock/%s/%s/%u/%lld", programs[program], clocks[clock], nth,
                        jumps[clock][jump]);
    }
}

static void plan_sidecars(json_t *ids)
{
    for (long cut = 0; cut <= 2 * fault_sidecar_answer_length() + CUT_TRAFFIC; cut++)
        add(ids, "sidecar/cut/%ld", cut);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        add(ids, "sidecar/script/%s", scripts[i].words);
}

json_t *fault_points_plan(struct fault_cell *cell)
{
    static struct fault_result result;
    struct plan plan = {.ids = json_array()};
    for (plan.scene = 0; plan.scene < 2; plan.scene++) {
        struct fault_trace trace = {.on_call = plan_call, .context = &plan};
        const struct fault_launch launch = {.terminal = plan.scene == 1, .port = cell->port};
        revive_sidecar(cell, false);
        fault_launch_run(&launch, &trace, cell->sidecar, &result);
    }
    revive_sidecar(cell, false);
    plan_preloaded(cell, plan.ids);
    plan_sidecars(plan.ids);
    fault_limits_plan(plan.ids);
    return plan.strange ? json_pack("{ss}", "error", "a call is in no table") : plan.ids;
}

bool fault_points_refer(struct fault_cell *cell)
{
    static struct fault_result result;
    for (int scene = 0; scene < 2; scene++) {
        char why[512];
        revive_sidecar(cell, false);
        const struct fault_launch launch = {.terminal = scene == 1, .port = cell->port};
        fault_launch_run(&launch, NULL, cell->sidecar, &result);
        memcpy(cell->reference[scene], result.report, sizeof result.report);
        const struct fault_allowance may = {0};
        if (fault_judge(&result, &may, result.report, why) != FAULT_RIGHT ||
            strstr(result.report, "proxy: HTTP/1.1 403\n") == NULL ||
            strstr(result.report, "rcode 5\n") == NULL) {
            fprintf(stderr,
                    "faults: an undisturbed launch (%s) does not end as it should: %s\n%s%s%s%s",
                    scenes[scene], why, result.err, result.out, result.status, result.report);
            return false;
        }
    }
    return true;
}
