/* cases_linux.c - one command per case, bare in the control lab and confined in the other. */
#include "scenarios/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "base/escape.h"

enum { CASE_MS = 20000, CASE_WORDS = 24 };

struct test_case {
    const char *name, *options, *script;
    bool terminal;
    const char *argv[CASE_WORDS];
};

static const struct test_case cases[] = {
#define CASE(name, options, script, terminal, ...) {name, options, script, terminal, {__VA_ARGS__}},
#include "scenarios/cases.def"
#undef CASE
};

static const struct {
    const char *name;
    int number;
} signal_names[] = {{"INT", SIGINT},     {"TERM", SIGTERM}, {"HUP", SIGHUP},
                    {"QUIT", SIGQUIT},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
                    {"WINCH", SIGWINCH}, {"CONT", SIGCONT}, {"TSTP", SIGTSTP}};

static int signal_number(const char *name)
{
    for (size_t i = 0; i < sizeof signal_names / sizeof signal_names[0]; i++)
        if (strcmp(signal_names[i].name, name) == 0)
            return signal_names[i].number;
    return 0;
}

static bool fill(struct cf_process *process, size_t total)
{
    unsigned char block[65536];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (unsigned char)(i * 31 + (i >> 8));
    for (size_t sent = 0; sent < total; sent += sizeof block) {
        size_t part = total - sent < sizeof block ? total - sent : sizeof block;
        if (!cf_process_write(process, block, part, CASE_MS))
            return false;
    }
    return true;
}

static bool resize(struct cf_process *process, const char *size)
{
    struct winsize window = {0};
    unsigned rows = 0, columns = 0;
    if (sscanf(size, "%ux%u", &rows, &columns) != 2)
        return false;
    window.ws_row = (unsigned short)rows;
    window.ws_col = (unsigned short)columns;
    return ioctl(process->input, TIOCSWINSZ, &window) == 0;
}

/* Does one word of a script; false when the process did not play along. */
static bool act(struct cf_process *process, const char *verb, const char *argument)
{
    size_t length = 0;
    unsigned char *bytes = cf_unescape(argument, &length);
    bool done = false;
    if (bytes == NULL)
        return false;
    if (strcmp(verb, "await") == 0)
        done = cf_process_await(process, (const char *)bytes, CASE_MS);
    else if (strcmp(verb, "signal") == 0)
        done = !process->ended && kill(process->pid, signal_number(argument)) == 0;
    else if (strcmp(verb, "send") == 0)
        done = cf_process_write(process, bytes, length, CASE_MS);
    else if (strcmp(verb, "fill") == 0)
        done = fill(process, strtoul(argument, NULL, 10));
    else if (strcmp(verb, "resize") == 0)
        done = resize(process, argument);
    else if (strcmp(verb, "hold") == 0 || strcmp(verb, "eof") == 0)
        done = true;
    if (strcmp(verb, "hold") == 0)
        cf_process_hold(process, CF_SETTLE_MS);
    if (strcmp(verb, "eof") == 0)
        cf_process_close_input(process);
    free(bytes);
    return done;
}

/* Plays SCRIPT; returns the word at which the process stopped playing along, or NULL. */
static char *play(struct cf_process *process, const char *script)
{
    char *copy = strdup(script), *state = NULL, *stuck = NULL;
    for (char *word = strtok_r(copy, " ", &state); word != NULL;
         word = strtok_r(NULL, " ", &state)) {
        char *argument = strchr(word, ':');
        if (argument != NULL)
            *argument++ = '\0';
        if (!act(process, word, argument == NULL ? "" : argument)) {
            if (asprintf(&stuck, "%s:%s", word, argument == NULL ? "" : argument) < 0)
                stuck = NULL;
            break;
        }
    }
    free(copy);
    return stuck;
}

struct substitution {
    char address[64];
    const char *nonce;
};

static const char *substitute(const struct cf_stage *stage, const struct substitution *with,
                              const char *word, char *buffer, size_t size)
{
    if (strcmp(word, "@plan") == 0)
        return "/lab/plan/plan.txt";
    if (strcmp(word, "@token") == 0)
        return stage->launch->token;
    if (strcmp(word, "@nonce") == 0)
        return with->nonce;
    const char *at = strstr(word, "@address");
    if (at == NULL)
        return word;
    snprintf(buffer, size, "%.*s%s", (int)(at - word), word, with->address);
    return buffer;
}

static void build(struct cf_start *start, const struct cf_stage *stage,
                  const struct test_case *test, const struct cf_plan_row *planned)
{
    const char *argv[CASE_WORDS + 1] = {0};
    char buffers[CASE_WORDS][128], options[256];
    struct substitution with = {.nonce = planned->nonce[stage->leg]};
    cf_plan_value(" addr=@4", "addr", with.nonce, with.address, sizeof with.address);
    for (int i = 0; i < CASE_WORDS && test->argv[i] != NULL; i++)
        argv[i] = substitute(stage, &with, test->argv[i], buffers[i], sizeof buffers[i]);

    const char *option_words[8] = {0};
    char *state = NULL;
    snprintf(options, sizeof options, "%s", test->options);
    int count = 0;
    for (char *word = strtok_r(options, " ", &state); word != NULL && count < 7;
         word = strtok_r(NULL, " ", &state))
        option_words[count++] = word;
    cf_start_leg(start, stage, option_words, argv);
    start->terminal = test->terminal;
}

static int run_case(struct cf_stage *stage, const struct test_case *test, int index,
                    const struct cf_plan_row *planned, struct cf_error *err)
{
    struct cf_start start;
    struct cf_process process;
    build(&start, stage, test, planned);
    /* A descriptor the caller left open: bare, the command finds it; confined, it must not. */
    int stray = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int failed = cf_stage_start(stage, &process, &start, stray, err);
    if (stray >= 0)
        close(stray);
    cf_start_release(&start);
    if (failed != 0)
        return failed;
    char *stuck = play(&process, test->script);
    if (!test->terminal)
        cf_process_close_input(&process);
    if (stuck != NULL)
        kill(process.pid, SIGKILL);
    cf_process_finish(&process, stage->lab, CASE_MS);
    cf_stage_ended(stage, &process, "run",
                   json_pack("{sssisbss?}", "case", test->name, "index", index, "terminal",
                             test->terminal, "stuck", stuck));
    free(stuck);
    return 0;
}

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

/* A contract's filter: mkdirat and mkdir fail with EPERM, everything else is allowed. */
static int write_filter(struct cf_error *err)
{
    const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 1, 0),
#ifdef SYS_mkdir
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
#else
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
#endif
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    int fd = open("/lab/artifacts/filter.bpf", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t written = fd < 0 ? -1 : write(fd, filter, sizeof filter);
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (written != (ssize_t)sizeof filter)
        return cf_fail(err, CF_E_SYSTEM, saved, "/lab/artifacts/filter.bpf");
    return 0;
}

int cf_scenario_cases(struct cf_stage *stage, struct cf_error *err)
{
    int failed = write_filter(err);
    for (size_t r = 0; r < stage->launch->count && failed == 0; r++) {
        const struct cf_plan_row *planned = &stage->launch->rows[r];
        int index = 0;
        for (size_t c = 0; c < sizeof cases / sizeof cases[0] && failed == 0; c++)
            if (strcmp(cases[c].name, planned->row->attempt) == 0)
                failed = run_case(stage, &cases[c], index++, planned, err);
    }
    return failed;
}
