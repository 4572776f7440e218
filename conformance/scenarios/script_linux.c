#include "scenarios/script.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "base/escape.h"

/* What a missing answer costs where it is no end. */
enum { SEEK_MS = 4000 };

/* What a word acts upon. */
struct scene {
    struct cf_stage *stage;
    struct cf_process *process;
    json_t *marks;
    const char *argument; /* as it stands */
    unsigned char *bytes; /* unescaped */
    size_t length;
    bool is_up; /* the command has said something */
};

static const struct {
    const char *name;
    int number;
} signal_names[] = {{"INT", SIGINT},     {"TERM", SIGTERM}, {"HUP", SIGHUP},
                    {"QUIT", SIGQUIT},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
                    {"WINCH", SIGWINCH}, {"CONT", SIGCONT}, {"TSTP", SIGTSTP}};

/* The first word of a command may take as long as a machine takes to boot. */
static bool do_await(struct scene *scene)
{
    unsigned patience = scene->is_up ? scene->stage->word_ms : scene->stage->launch_ms;
    scene->is_up = cf_process_await(scene->process, (const char *)scene->bytes, patience);
    return scene->is_up;
}

static bool do_seek(struct scene *scene)
{
    cf_process_await(scene->process, (const char *)scene->bytes, SEEK_MS);
    return true;
}

static bool do_signal(struct scene *scene)
{
    int number = atoi(scene->argument);
    for (size_t i = 0; i < sizeof signal_names / sizeof signal_names[0]; i++)
        if (strcmp(signal_names[i].name, scene->argument) == 0)
            number = signal_names[i].number;
    return number > 0 && !scene->process->ended && kill(scene->process->pid, number) == 0;
}

static bool do_send(struct scene *scene)
{
    return cf_process_write(scene->process, scene->bytes, scene->length, scene->stage->word_ms);
}

static bool do_fill(struct scene *scene)
{
    unsigned char block[65536];
    size_t total = strtoul(scene->argument, NULL, 10);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (unsigned char)(i * 31 + (i >> 8));
    for (size_t sent = 0; sent < total; sent += sizeof block) {
        size_t part = total - sent < sizeof block ? total - sent : sizeof block;
        if (!cf_process_write(scene->process, block, part, scene->stage->word_ms))
            return false;
    }
    return true;
}

static bool do_resize(struct scene *scene)
{
    struct winsize window = {0};
    unsigned rows = 0, columns = 0;
    if (sscanf(scene->argument, "%ux%u", &rows, &columns) != 2)
        return false;
    window.ws_row = (unsigned short)rows;
    window.ws_col = (unsigned short)columns;
    return ioctl(scene->process->terminal, TIOCSWINSZ, &window) == 0;
}

static bool do_hold(struct scene *scene)
{
    cf_process_hold(scene->process, CF_SETTLE_MS);
    return true;
}

static bool do_eof(struct scene *scene)
{
    cf_process_close_input(scene->process);
    return true;
}

static bool do_stopped(struct scene *scene)
{
    return cf_process_await_stop(scene->process, scene->stage->word_ms);
}

static bool do_deaf(struct scene *scene)
{
    scene->process->deaf = true;
    return true;
}

static bool do_hear(struct scene *scene)
{
    scene->process->deaf = false;
    return true;
}

static bool do_mark(struct scene *scene)
{
    json_array_append_new(scene->marks,
                          json_pack("{sIsI}", "stdout", (json_int_t)scene->process->out.total,
                                    "stderr", (json_int_t)scene->process->err.total));
    return true;
}

static bool do_shut(struct scene *scene)
{
    cf_process_shut(scene->process);
    return true;
}

/* The first process of the subject but EXCEPT whose command line begins with PROGRAM, or -1. */
static pid_t find(struct scene *scene, const char *program, pid_t except)
{
    json_t *survivors = cf_lab_survivors(scene->stage->lab), *entry;
    pid_t found = -1;
    size_t index;
    json_array_foreach (survivors, index, entry) {
        const char *cmdline = json_string_value(json_object_get(entry, "cmdline"));
        pid_t pid = (pid_t)json_integer_value(json_object_get(entry, "pid"));
        if (cmdline != NULL && strncmp(cmdline, program, strlen(program)) == 0 && pid != except &&
            (found < 0 || pid < found))
            found = pid;
    }
    json_decref(survivors);
    return found;
}

/* SIGKILL to the launcher; in a control, to what stands in its place. */
static bool do_strike(struct scene *scene)
{
    pid_t victim = find(scene, "/lab/bin/firma-run", -1);
    if (victim < 0)
        victim = find(scene, "/lab/bin/firma-probe", scene->process->pid);
    return victim > 1 && kill(victim, SIGKILL) == 0;
}

/* Until nobody of the subject is left but the process itself, and what comes meanwhile is read. */
static bool do_gone(struct scene *scene)
{
    for (unsigned round = 0; round < 64; round++) {
        json_t *survivors = cf_lab_survivors(scene->stage->lab), *entry;
        pid_t other = -1;
        size_t index;
        json_array_foreach (survivors, index, entry) {
            pid_t pid = (pid_t)json_integer_value(json_object_get(entry, "pid"));
            if (pid != scene->process->pid)
                other = pid;
        }
        json_decref(survivors);
        int fd = other < 0 ? -1 : (int)syscall(SYS_pidfd_open, other, 0);
        if (other < 0)
            return true;
        struct pollfd gone = {.fd = fd, .events = POLLIN};
        bool in_time = fd < 0 || poll(&gone, 1, CF_GONE_MS) > 0;
        if (fd >= 0)
            close(fd);
        if (!in_time)
            return false;
    }
    return false;
}

static const struct {
    const char *verb;
    bool (*act)(struct scene *scene);
} verbs[] = {{"await", do_await}, {"seek", do_seek},     {"signal", do_signal},
             {"send", do_send},   {"fill", do_fill},     {"resize", do_resize},
             {"hold", do_hold},   {"eof", do_eof},       {"stopped", do_stopped},
             {"deaf", do_deaf},   {"hear", do_hear},     {"mark", do_mark},
             {"shut", do_shut},   {"strike", do_strike}, {"gone", do_gone}};

/* Does one word; false when the process did not play along. */
static bool act(struct scene *scene, const char *verb)
{
    bool done = false;
    scene->bytes = cf_unescape(scene->argument, &scene->length);
    for (size_t i = 0; scene->bytes != NULL && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verb, verbs[i].verb) == 0)
            done = verbs[i].act(scene);
    free(scene->bytes);
    return done;
}

char *cf_script_play(struct cf_stage *stage, struct cf_process *process, const char *script,
                     json_t *marks)
{
    struct scene scene = {.stage = stage, .process = process, .marks = marks};
    char *copy = strdup(script), *state = NULL, *stuck = NULL;
    for (char *word = strtok_r(copy, " ", &state); word != NULL;
         word = strtok_r(NULL, " ", &state)) {
        char *argument = strchr(word, ':');
        if (argument != NULL)
            *argument++ = '\0';
        scene.argument = argument == NULL ? "" : argument;
        if (!act(&scene, word)) {
            if (asprintf(&stuck, "%s:%s", word, scene.argument) < 0)
                stuck = NULL;
            break;
        }
    }
    free(copy);
    return stuck;
}
