/*
 * bench-launches ROUNDS NAME [VARIABLE=VALUE…] COMMAND… [+ NAME …]…
 *
 * Starts each command once a round and prints for each start one line
 *
 *     NAME WHOLE FIRST CPU
 *
 * in nanoseconds: from just before it is spawned until it has been waited for; from there to the
 * first instruction of bench-moment, which every command must end in; user and system time of it
 * and all it started. A first round is not printed. A command that fails ends the measurement.
 * Each round has an order of its own, because the kernel still clears up after a launch when the
 * next one begins.
 * Variables before a command are its own, as env(1) would set them, without env(1)'s time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clocks.h"

enum { CONTENDERS = 16, ROUNDS = 10000 };

struct contender {
    const char *name;
    char **command;
    char **environment;
};

extern char **environ;

static uint64_t children_time(void)
{
    struct rusage spent;
    getrusage(RUSAGE_CHILDREN, &spent);
    uint64_t seconds = (uint64_t)(spent.ru_utime.tv_sec + spent.ru_stime.tv_sec);
    return seconds * 1000000000u +
           (uint64_t)(spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) * 1000u;
}

static pid_t start(const struct contender *contender, int output)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    int errnum = posix_spawnp(&pid, contender->command[0], &actions, NULL, contender->command,
                              contender->environment);
    posix_spawn_file_actions_destroy(&actions);
    if (errnum != 0)
        bench_die(errnum, "%s: %s", contender->name, contender->command[0]);
    return pid;
}

/* What outlives the command has fallen to us, and counts as its. */
static void reap_rest(void)
{
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}

static void measure(const struct contender *contender, bool shown)
{
    int ends[2], status = 0;
    uint64_t moment;
    if (pipe2(ends, O_CLOEXEC) < 0)
        bench_die(errno, "pipe");
    uint64_t spent = children_time(), begun = bench_now();
    pid_t pid = start(contender, ends[1]);
    close(ends[1]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    uint64_t ended = bench_now();
    reap_rest();
    spent = children_time() - spent;
    if (status != 0)
        bench_die(0, "%s: wait status %d", contender->name, status);
    if (read(ends[0], &moment, sizeof moment) != (ssize_t)sizeof moment)
        bench_die(0, "%s: its command did not run", contender->name);
    close(ends[0]);
    if (shown)
        printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", contender->name, ended - begun,
               moment - begun, spent);
}

static bool is_setting(const char *word)
{
    return word != NULL && strchr(word, '=') != NULL;
}

static bool names_the_same(const char *one, const char *other)
{
    size_t length = strcspn(one, "=");
    return length == strcspn(other, "=") && strncmp(one, other, length) == 0;
}

/* Ours, with SETTINGS in the place of what they name. Never freed. */
static char **make_environment(char **settings, size_t count)
{
    size_t used = 0, inherited = 0;
    while (environ[inherited] != NULL)
        inherited++;
    char **made = calloc(inherited + count + 1, sizeof *made);
    if (made == NULL)
        bench_die(errno, "environment");
    for (size_t i = 0; i < inherited; i++) {
        bool replaced = false;
        for (size_t k = 0; k < count; k++)
            replaced = replaced || names_the_same(environ[i], settings[k]);
        if (!replaced)
            made[used++] = environ[i];
    }
    memcpy(made + used, settings, count * sizeof *made);
    return made;
}

/* The words from WORDS on. */
static struct contender read_contender(char **words)
{
    size_t settings = 0;
    while (is_setting(words[1 + settings]))
        settings++;
    return (struct contender){.name = words[0],
                              .command = words + 1 + settings,
                              .environment = make_environment(words + 1, settings)};
}

/* Cuts the words at each "+". */
static size_t read_contenders(char **words, struct contender *out)
{
    size_t count = 0;
    while (*words != NULL) {
        struct contender *read = &out[count];
        if (count++ == CONTENDERS)
            bench_die(0, "more than %d commands", CONTENDERS);
        *read = read_contender(words);
        words = read->command;
        if (*words == NULL || strcmp(*words, "+") == 0)
            bench_die(0, "%s: a name without a command", read->name);
        do
            words++;
        while (*words != NULL && strcmp(*words, "+") != 0);
        if (*words != NULL)
            *words++ = NULL;
    }
    return count;
}

/* Fisher and Yates; the same orders in every run (random(3) is seeded alike). */
static void shuffle(struct contender *contenders, size_t count)
{
    for (size_t left = count; left > 1; left--) {
        size_t at = (size_t)random() % left;
        struct contender last = contenders[left - 1];
        contenders[left - 1] = contenders[at];
        contenders[at] = last;
    }
}

int main(int argc, char **argv)
{
    struct contender contenders[CONTENDERS];
    int rounds = argc > 3 ? atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > ROUNDS)
        bench_die(0, "usage: bench-launches ROUNDS NAME COMMAND... [+ NAME COMMAND...]...");
    size_t count = read_contenders(argv + 2, contenders);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int round = 0; round <= rounds; round++) {
        shuffle(contenders, count);
        for (size_t i = 0; i < count; i++)
            measure(&contenders[i], round > 0);
    }
    return 0;
}
