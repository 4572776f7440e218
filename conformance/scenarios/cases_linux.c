/* cases_linux.c - one command per case, bare in the control lab and confined in the other. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/script.h"
#include "scenarios/stage.h"
#include "scenarios/traps.h"
#include "scenarios/wraps.h"

enum { CF_LONG = 4090, TEXT = 8192, VARIABLES = 60, VALUE = 8192 };

/* One run of a case while it lasts. */
struct live {
    const struct cf_case_run *run;
    const char *nonce;
    struct cf_process process;
    enum cf_end ends[3];
    int status_fd; /* where --status-fd is read, -1 without */
    struct cf_trapped trapped;
    char *stuck;
    json_t *marks;
};

/* ---- words with something to fill in ---- */

static void fill_in(char out[TEXT], const struct cf_stage *stage, const struct live *live,
                    const char *text)
{
    char address[64], each[16], big[32], words[CF_LONG + 1];
    memset(words, 'w', CF_LONG);
    words[CF_LONG] = '\0';
    cf_plan_value(" addr=@4", "addr", live->nonce, address, sizeof address);
    snprintf(each, sizeof each, "%d", live->run->each);
    snprintf(big, sizeof big, "%zu", cf_scale_big(stage->scale));
    const struct {
        const char *word, *value;
    } values[] = {{"@plan", "/lab/plan/plan.txt"},
                  {"@token", stage->launch->token},
                  {"@nonce", live->nonce},
                  {"@address", address},
                  {"@each", each},
                  {"@long", words},
                  {"@big", big}};
    size_t used = 0;
    while (*text != '\0' && used < TEXT - CF_LONG - 1) {
        const char *value = NULL;
        for (size_t i = 0; *text == '@' && i < sizeof values / sizeof values[0]; i++)
            if (strncmp(text, values[i].word, strlen(values[i].word)) == 0) {
                value = values[i].value;
                text += strlen(values[i].word);
                break;
            }
        if (value != NULL)
            used += (size_t)snprintf(out + used, TEXT - used, "%s", value);
        else
            out[used++] = *text++;
    }
    out[used] = '\0';
}

/* ---- how a case is started ---- */

static enum cf_end end_named(const char *name)
{
    static const char *const names[] = {"pipe", "tty",    "file", "append",
                                        "fifo", "socket", "null", "closed"};
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum cf_end)i;
    return CF_END_PIPE;
}

static void choose_ends(struct live *live)
{
    static const char *const words[] = {"in", "out", "err"};
    const struct cf_case *test = live->run->test;
    char name[16];
    for (int i = 0; i < 3; i++) {
        live->ends[i] = cf_case_how(test, "tty", NULL, 0) ? CF_END_TERMINAL : CF_END_PIPE;
        if (cf_case_how(test, words[i], name, sizeof name))
            live->ends[i] = end_named(name);
    }
}

static void add_options(const char *option_words[16], char *options)
{
    char *state = NULL;
    int count = 0;
    for (char *word = strtok_r(options, " ", &state); word != NULL && count < 13;
         word = strtok_r(NULL, " ", &state))
        option_words[count++] = word;
}

/* The wrapper's words go first. */
static void wrap(struct cf_start *start, const struct cf_case *test)
{
    char name[32];
    const char *const *words = NULL;
    if (cf_case_how(test, "wrap", name, sizeof name))
        words = cf_wrapper(name);
    if (words == NULL)
        return;
    struct cf_words wrapper = {0};
    for (; *words != NULL; words++)
        cf_words_add(&wrapper, "%s", *words);
    cf_words_insert(&start->argv, 0, &wrapper);
    cf_words_release(&wrapper);
}

/* The same large environment for both legs. */
static void add_variables(struct cf_start *start, enum cf_leg leg)
{
    char value[VALUE + 1];
    struct cf_words options = {0};
    memset(value, 'v', VALUE);
    value[VALUE] = '\0';
    for (int i = 0; i < VARIABLES; i++) {
        char *text = NULL;
        if (asprintf(&text, "FIRMA_TEST_%d=%s", i, value) < 0)
            return;
        if (leg == CF_CONTROL)
            cf_words_add(&start->env, "%s", text);
        cf_words_add(&options, "--env");
        cf_words_add(&options, "%s", text);
        free(text);
    }
    if (leg == CF_SUBJECT)
        cf_words_insert(&start->argv, 1, &options);
    cf_words_release(&options);
}

static void build(struct cf_start *start, const struct cf_stage *stage, struct live *live)
{
    const struct cf_case *test = live->run->test;
    const char *argv[CF_CASE_WORDS + 1] = {0}, *option_words[16] = {0};
    char buffers[CF_CASE_WORDS][TEXT], options[256], pair[256];
    for (int i = 0; i < CF_CASE_WORDS && test->argv[i] != NULL; i++) {
        fill_in(buffers[i], stage, live, test->argv[i]);
        argv[i] = buffers[i];
    }
    snprintf(options, sizeof options, "%s", test->options);
    add_options(option_words, options);
    cf_start_leg(start, stage, option_words, argv);
    char *value = cf_case_how(test, "set", pair, sizeof pair) ? strchr(pair, '=') : NULL;
    if (value != NULL) {
        *value++ = '\0';
        cf_words_set(&start->env, pair, value);
    }
    if (cf_case_how(test, "variables", NULL, 0))
        add_variables(start, stage->leg);
    wrap(start, test);
    choose_ends(live);
    memcpy(start->ends, live->ends, sizeof start->ends);
}

/* Descriptor 3: the status pipe, or one the caller left open (bare, the command finds it; confined,
 * it must not). */
static int third_descriptor(struct live *live)
{
    int fds[2];
    live->status_fd = -1;
    if (!cf_case_how(live->run->test, "status", NULL, 0))
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    live->status_fd = fds[0];
    return fds[1];
}

static int begin(struct cf_stage *stage, struct live *live, struct cf_error *err)
{
    struct cf_start start;
    int third = third_descriptor(live);
    live->marks = json_array();
    build(&start, stage, live);
    int failed = cf_trap_set(&live->trapped, live->run->test, stage, &start, err);
    if (failed == 0)
        failed = cf_stage_start(stage, &live->process, &start, third, err);
    if (third >= 0)
        close(third);
    cf_start_release(&start);
    return failed;
}

/* ---- how it is played and ends ---- */

static void play(struct cf_stage *stage, struct live *live)
{
    char script[TEXT];
    fill_in(script, stage, live, live->run->test->script);
    live->stuck = cf_script_play(stage, &live->process, script, live->marks);
    cf_trap_spring(&live->trapped, stage, &live->process);
}

static void finish(struct cf_stage *stage, struct live *live)
{
    /* One that has spoken is up; any other may be booting still, or have much to say. */
    bool is_up = strstr(live->run->test->script, "await:") != NULL;
    if (live->ends[0] != CF_END_TERMINAL)
        cf_process_close_input(&live->process);
    if (live->stuck != NULL)
        kill(live->process.pid, SIGKILL);
    cf_process_finish(&live->process, stage->lab, is_up ? stage->word_ms : stage->launch_ms);
}

static json_t *read_status(struct live *live)
{
    char text[16384];
    ssize_t got = live->status_fd < 0 ? -1 : read(live->status_fd, text, sizeof text);
    if (live->status_fd >= 0)
        close(live->status_fd);
    return cf_events_data(text, got < 0 ? 0 : (size_t)got, sizeof text);
}

static void record(struct cf_stage *stage, struct live *live, int index)
{
    json_t *fields =
        json_pack("{sssisisbss?soso}", "case", live->run->test->name, "index", index, "each",
                  live->run->each, "terminal", live->ends[0] == CF_END_TERMINAL, "stuck",
                  live->stuck, "marks", live->marks, "status", read_status(live));
    cf_trap_look(&live->trapped, &live->process, fields);
    cf_stage_ended(stage, &live->process, "run", fields);
    cf_trap_clear(&live->trapped);
    free(live->stuck);
}

static int run_each(struct cf_stage *stage, struct live *lives, size_t count, struct cf_error *err)
{
    int failed = 0;
    for (size_t i = 0; i < count && failed == 0; i++) {
        failed = begin(stage, &lives[i], err);
        if (failed != 0)
            break;
        play(stage, &lives[i]);
        finish(stage, &lives[i]);
        record(stage, &lives[i], (int)i);
    }
    return failed;
}

/* All are up before the first is spoken to, and none is cleared away before the last has ended. */
static int run_together(struct cf_stage *stage, struct live *lives, size_t count,
                        struct cf_error *err)
{
    size_t begun = 0;
    int failed = 0;
    while (begun < count && failed == 0) {
        failed = begin(stage, &lives[begun], err);
        begun += failed == 0;
    }
    for (size_t i = 0; i < begun; i++)
        play(stage, &lives[i]);
    for (size_t i = 0; i < begun; i++)
        finish(stage, &lives[i]);
    for (size_t i = 0; i < begun; i++)
        record(stage, &lives[i], (int)i);
    return failed;
}

static int run_case(struct cf_stage *stage, const struct cf_plan_row *planned, struct cf_error *err)
{
    struct cf_case_run runs[CF_CASE_RUNS];
    size_t count = cf_case_runs(planned->row->attempt, stage->scale, runs);
    if (count == 0)
        return 0; /* the judge finds no run */
    struct live *lives = calloc(count, sizeof *lives);
    if (lives == NULL)
        return cf_fail(err, CF_E_SYSTEM, ENOMEM, "%s", planned->row->id);
    for (size_t i = 0; i < count; i++)
        lives[i] = (struct live){.run = &runs[i], .nonce = planned->nonce[stage->leg]};
    int failed = cf_case_how(runs[0].test, "together", NULL, 0)
                     ? run_together(stage, lives, count, err)
                     : run_each(stage, lives, count, err);
    free(lives);
    return failed;
}

/* ---- all of a launch ---- */

/* What cannot be run, in each way that a file cannot. */
static int plant_programs(struct cf_error *err)
{
    static const struct {
        const char *path, *text;
        mode_t mode;
    } files[] = {{"/lab/work/no-interpreter", "#!/no/such/interpreter\n", 0755},
                 {"/lab/work/no-program", "\177ELF and nothing behind it", 0755},
                 {"/lab/work/no-right", "#!/bin/sh\nexit 0\n", 0644}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        int fd = open(files[i].path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        size_t length = strlen(files[i].text);
        if (fd < 0)
            return cf_fail(err, CF_E_SYSTEM, errno, "%s", files[i].path);
        ssize_t written = write(fd, files[i].text, length);
        fchmod(fd, files[i].mode);
        close(fd);
        if (written != (ssize_t)length)
            return cf_fail(err, CF_E_SYSTEM, EIO, "%s", files[i].path);
    }
    return 0;
}

/* Rows that look at the same case share its runs. */
static bool played_before(const struct cf_plan_launch *launch, size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (cf_case_same(launch->rows[i].row->attempt, launch->rows[row].row->attempt))
            return true;
    return false;
}

int cf_scenario_cases(struct cf_stage *stage, struct cf_error *err)
{
    int failed = cf_stage_write_filter(err);
    if (failed == 0)
        failed = plant_programs(err);
    for (size_t r = 0; r < stage->launch->count && failed == 0; r++)
        if (!played_before(stage->launch, r))
            failed = run_case(stage, &stage->launch->rows[r], err);
    return failed;
}
