/*
 * Everything an operator can get wrong, against the real firma-run: bad_inputs/AREA.def is one line
 * per mistake, and fixtures/contracts/invalid/EXPECT one per broken contract.
 *
 * Theory of operation. Each mistake is made by a shell in a bed of its own, whose runner does
 * nothing but leave a mark. A refusal is exactly this: the expected status, nothing on stdout, one
 * printable line on stderr that begins with the expected word, names what is at fault and goes on
 * to say something about it, no secret in it; no mark, no process, nothing in the runtime
 * directory. Before that two controls show that the same bed, without a mistake, does run.
 *
 * Workers share the cases out among themselves, because a silent sidecar costs two seconds. No
 * cmocka here: its asserts do not work across fork(2).
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bad_answers.h"
#include "bed.h"

enum {
    WORKERS = 4,
    CASE_SECONDS = 30,
    ALL_SECONDS = 115,
    FEWEST = 250,
    SAID = 4096,
    LONGEST_LINE = 1200
};

#define SECRET "s3cret" /* where a case has a value that must not be repeated */
#define ARRAY(...)                                                                                 \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

struct mistake {
    int status;
    const char *word;  /* of the table of errors; NULL: a control, which succeeds */
    const char *named; /* what the message must hold */
    const char *line;  /* for a shell that knows $F, $RUN, $R and the sidecars of bad_answers.h */
};

#define BAD(...) {__VA_ARGS__},
static const struct mistake command_line[] = {
#include "bad_inputs/command_line.def"
};
static const struct mistake environment[] = {
#include "bad_inputs/environment.def"
};
static const struct mistake artifacts[] = {
#include "bad_inputs/artifacts.def"
};
static const struct mistake places[] = {
#include "bad_inputs/places.def"
};
static const struct mistake sidecar[] = {
#include "bad_inputs/sidecar.def"
};
static const struct mistake contract_file[] = {
#include "bad_inputs/contract_file.def"
};
#undef BAD

enum { FIXTURES = 6, AREAS, MOST_FIXTURES = 512 };

struct area {
    const char *name;
    const struct mistake *mistakes;
    size_t count;
};

#define AREA(name, table)                                                                          \
    {                                                                                              \
        name, table, sizeof(table) / sizeof *(table)                                               \
    }

struct tally {
    atomic_uint tried[AREAS];
    atomic_uint refused[AREAS];
};

struct test {
    struct area areas[AREAS];
    struct mistake fixtures[MOST_FIXTURES];
    char *expectations; /* what the fixtures' texts point into */
    const struct bad_answers *answers;
    struct tally *tally; /* shared by the workers */
};

/* Absolute, because the shells work elsewhere; malloc'd. */
static char *fixture_path(const char *name)
{
    char path[1024];
    const char *root = getenv("FIRMA_FIXTURES");
    snprintf(path, sizeof path, "%s/contracts/%s", root != NULL ? root : "fixtures", name);
    char *whole = realpath(path, NULL);
    if (whole == NULL)
        abort();
    return whole;
}

static void set_fixture(struct bed *bed, const char *variable, const char *name)
{
    char *path = fixture_path(name);
    bed_set(bed, variable, path);
    free(path);
}

/* The broken contracts: each is put where the valid one was. */
static void read_fixtures(struct test *test)
{
    size_t count = 0;
    size_t size = 0;
    char *path = fixture_path("invalid/EXPECT");
    FILE *file = fopen(path, "r");
    free(path);
    if (file == NULL || getdelim(&test->expectations, &size, '\0', file) < 0)
        abort();
    fclose(file);
    char *rest = NULL;
    for (char *line = strtok_r(test->expectations, "\n", &rest);
         line != NULL && count < MOST_FIXTURES; line = strtok_r(NULL, "\n", &rest)) {
        char *tab = strchr(line, '\t');
        char *command = NULL;
        if (tab == NULL)
            continue;
        *tab = '\0';
        if (asprintf(&command, "cat \"$INVALID/%s\" >$R/v/c; $F validate $R/v/c", line) < 0)
            abort();
        test->fixtures[count++] = (struct mistake){125, "contract", tab + 1, command};
    }
    test->areas[FIXTURES] = (struct area){"contract fields", test->fixtures, count};
}

static void free_fixtures(struct test *test)
{
    for (size_t i = 0; i < test->areas[FIXTURES].count; i++)
        free((char *)test->fixtures[i].line);
    free(test->expectations);
}

static void open_case(struct bed *bed, const struct test *test)
{
    char text[2048];
    bed_open(bed);
    snprintf(text, sizeof text, "#!/bin/sh\n: >%.200s/ran\n", bed->root);
    bed_write(bed, "runner", text, 0755);
    bed_set(bed, "F", bed->firma_run);
    bed_set(bed, "R", bed->root);
    set_fixture(bed, "INVALID", "invalid");
    set_fixture(bed, "VALID", "valid/typical--launch-with-one-read-only-mount.json");
    snprintf(text, sizeof text, "%s --runtime-dir %s --cwd %s", bed->firma_run, bed->runtime,
             bed->cwd);
    bed_set(bed, "RUN", text);
    for (size_t i = 0; i < BAD_ANSWERS; i++)
        bed_set(bed, test->answers->names[i], test->answers->addresses[i]);
}

/* The alarm survives execve(2) and ends the shell; its group is then killed. */
static void start_shell(const struct bed *bed, const char *line)
{
    char script[8192];
    snprintf(script, sizeof script,
             "umask 022; mkdir -m 700 $R/v; (umask 077; cat \"$VALID\" >$R/v/c); "
             "cd $R/cwd; exec >$R/out 2>$R/err </dev/null; %s",
             line);
    setpgid(0, 0);
    alarm(CASE_SECONDS);
    execle("/bin/sh", "sh", "-c", script, (char *)NULL, bed->environment);
    _exit(99);
}

static size_t read_said(const struct bed *bed, const char *name, char text[SAID])
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", bed->root, name);
    FILE *file = fopen(path, "r");
    size_t size = file != NULL ? fread(text, 1, SAID - 1, file) : 0;
    if (file != NULL)
        fclose(file);
    text[size] = '\0';
    return size;
}

static bool is_there(const struct bed *bed, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", bed->root, name);
    return access(path, F_OK) == 0;
}

static unsigned words_in(const char *text)
{
    unsigned words = 1;
    for (const char *space = text; (space = strchr(space, ' ')) != NULL; space++)
        words++;
    return words;
}

/* What is wrong with the message TEXT of SIZE bytes; NULL: nothing. */
static const char *judge_message(const struct mistake *mistake, const char *text, size_t size)
{
    char start[64];
    int length = snprintf(start, sizeof start, "firma-run: %s: ", mistake->word);
    if (size == 0 || text[size - 1] != '\n' || strchr(text, '\n') != text + size - 1)
        return "does not say exactly one line";
    for (size_t i = 0; i + 1 < size; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return "says a control character";
    }
    if (size > LONGEST_LINE)
        return "says too much";
    if (strncmp(text, start, (size_t)length) != 0)
        return "begins with another word";
    if (strstr(text + length, mistake->named) == NULL)
        return "does not name what is at fault";
    if (words_in(text + length) < 3)
        return "does not say what is wrong with it";
    return strstr(text, SECRET) != NULL ? "repeats a secret" : NULL;
}

/* What is wrong with how the shell ended and what it left; NULL: nothing. */
static const char *judge(const struct mistake *mistake, const struct bed *bed, int status,
                         const char *said, size_t size)
{
    char out[SAID];
    bool good = mistake->word == NULL;
    if (!WIFEXITED(status))
        return "was ended by a signal (or took too long)";
    if (WEXITSTATUS(status) != mistake->status)
        return "ends with another status";
    if (waitpid(-1, NULL, WNOHANG) != -1)
        return "left a process behind";
    if (!bed_is_clean(bed) || is_there(bed, "cwd/run"))
        return "left something in the runtime directory";
    if (good)
        return is_there(bed, "ran") == (strstr(mistake->line, "$RUN") != NULL) ? NULL
                                                                               : "did not run";
    if (is_there(bed, "ran"))
        return "started the runner";
    if (read_said(bed, "out", out) > 0)
        return "says something on stdout";
    return judge_message(mistake, said, size);
}

static bool try_one(const struct test *test, const struct mistake *mistake)
{
    struct bed bed;
    char said[SAID];
    int status = 0;
    open_case(&bed, test);
    pid_t shell = fork();
    if (shell == 0)
        start_shell(&bed, mistake->line);
    waitpid(shell, &status, 0);
    size_t size = read_said(&bed, "err", said);
    const char *wrong = judge(mistake, &bed, status, said, size);
    if (wrong != NULL) {
        fprintf(stderr, "%.200s\n    %s\n    expected: %d, %s, \"%s\"\n    got: %d, %s\n",
                mistake->line, wrong, mistake->status, mistake->word, mistake->named,
                WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status), said);
        kill(-shell, SIGKILL);
        bed_reap_all();
    }
    bed_close(&bed);
    return wrong == NULL;
}

/* Every WORKERS-th case, beginning with the FIRST. */
static void work(const struct test *test, size_t first)
{
    size_t number = 0;
    alarm(ALL_SECONDS); /* the parent's does not count here */
    bed_adopt_orphans();
    for (size_t area = 0; area < AREAS; area++) {
        for (size_t i = 0; i < test->areas[area].count; i++, number++) {
            if (number % WORKERS != first)
                continue;
            atomic_fetch_add(&test->tally->tried[area], 1);
            if (try_one(test, &test->areas[area].mistakes[i]))
                atomic_fetch_add(&test->tally->refused[area], 1);
        }
    }
}

/* In a process of its own: a case counts its children, and we have the bad sidecars. */
static bool controls_run(const struct test *test)
{
    static const struct mistake controls[] = {
        {0, NULL, "", "$RUN -- ls"},
        {0, NULL, "", "$F validate $R/v/c"},
    };
    int status = 1;
    pid_t child = fork();
    if (child == 0) {
        bed_adopt_orphans();
        exit(try_one(test, &controls[0]) && try_one(test, &controls[1]) ? 0 : 1);
    }
    return waitpid(child, &status, 0) == child && status == 0;
}

static void share_out(const struct test *test)
{
    for (size_t worker = 0; worker < WORKERS; worker++) {
        pid_t child = fork();
        if (child < 0)
            abort();
        if (child == 0) {
            work(test, worker);
            exit(0);
        }
    }
    for (size_t worker = 0; worker < WORKERS; worker++)
        wait(NULL);
}

/* True when every case of every area was tried and refused, and these are enough. */
static bool report(const struct test *test)
{
    unsigned all = 0;
    bool complete = true;
    for (size_t area = 0; area < AREAS; area++) {
        unsigned refused = atomic_load(&test->tally->refused[area]);
        printf("%4u of %4zu refused: %s\n", refused, test->areas[area].count,
               test->areas[area].name);
        complete &= refused == test->areas[area].count &&
                    atomic_load(&test->tally->tried[area]) == refused && refused > 0;
        all += refused;
    }
    printf("%u bad inputs refused\n", all);
    return complete && all >= FEWEST;
}

int main(void)
{
    struct bad_answers answers;
    struct test test = {
        .areas = ARRAY(AREA("command line", command_line), AREA("environment", environment),
                       AREA("artifacts", artifacts), AREA("directories", places),
                       AREA("sidecar", sidecar), AREA("contract file", contract_file)),
        .answers = &answers,
        .tally = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0),
    };
    alarm(ALL_SECONDS);
    read_fixtures(&test);
    bad_answers_open(&answers);
    bool good = test.tally != MAP_FAILED && controls_run(&test);
    if (good) {
        share_out(&test);
        good = report(&test);
    }
    bad_answers_close(&answers);
    free_fixtures(&test);
    return good ? 0 : 1;
}
