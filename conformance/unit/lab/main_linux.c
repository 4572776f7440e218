#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab_test.h"

enum { SKIPPED = 77, CASE_SECONDS = 30 };

static char subject_path[4096], sidecar_path[4096];
static const struct cf_lab_copy COPIES[] = {
    {subject_path, "/lab/bin/lab-subject", 0755},
    {sidecar_path, "/lab/bin/fake-sidecar", 0755},
};

static const char *const NO_ENVIRONMENT[] = {"PATH=/usr/bin:/bin", "ASAN_OPTIONS=detect_leaks=0",
                                             NULL};

int subject_start(struct cf_lab *lab, int out, const char *verb, pid_t *pid)
{
    const char *argv[] = {"/lab/bin/lab-subject", verb, NULL};
    const struct cf_command command = {
        .argv = argv, .envp = NO_ENVIRONMENT, .fds = {-1, out, -1}, .extra_fd = -1};
    struct cf_error error = {0};
    int result = cf_lab_spawn(lab, &command, pid, &error);
    if (result != 0)
        fprintf(stderr, "spawn: %s\n", error.text);
    return result;
}

int subject(struct cf_lab *lab, bool second_user, char output[256], const char *verb, ...)
{
    const char *argv[8] = {"/lab/bin/lab-subject", verb};
    struct cf_error error = {0};
    va_list words;
    pid_t pid;
    int pipes[2], status = -1;
    va_start(words, verb);
    for (int i = 2; i < 7 && (argv[i] = va_arg(words, const char *)) != NULL; i++)
        continue;
    va_end(words);
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return -1;
    const struct cf_command command = {.argv = argv,
                                       .envp = NO_ENVIRONMENT,
                                       .fds = {-1, pipes[1], 2},
                                       .extra_fd = -1,
                                       .second_user = second_user};
    int result = cf_lab_spawn(lab, &command, &pid, &error);
    close(pipes[1]);
    memset(output, 0, 256);
    if (result != 0)
        fprintf(stderr, "spawn: %s\n", error.text);
    else if (read(pipes[0], output, 255) < 0 || waitpid(pid, &status, 0) < 0)
        status = -1;
    close(pipes[0]);
    output[strcspn(output, "\n")] = '\0';
    return status < 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int make_evidence(char path[64])
{
    snprintf(path, 64, "/var/tmp/lab-test-XXXXXX");
    return mkdtemp(path) == NULL ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_evidence(int evidence, const char *path)
{
    DIR *folder = fdopendir(dup(evidence)); /* which shares its position with whoever read before */
    const struct dirent *entry;
    if (folder != NULL)
        rewinddir(folder);
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(evidence, entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
    rmdir(path);
    close(evidence);
}

static void show_error(int evidence)
{
    char *text = slurp(evidence, "lab.jsonl", NULL);
    if (text != NULL)
        fprintf(stderr, "%s", text);
    free(text);
}

static json_int_t setup_ns(int evidence)
{
    json_t *all = load_records(evidence, "lab.jsonl");
    json_int_t value = json_integer_value(json_object_get(json_array_get(all, 1), "setup_ns"));
    json_decref(all);
    return value;
}

static int run_case(const struct lab_case *one)
{
    char path[64];
    int evidence = make_evidence(path), status;
    const struct cf_lab_config config = {.evidence_fd = evidence,
                                         .hidden = one->hidden ? path : NULL,
                                         .copies = COPIES,
                                         .copy_count = 2,
                                         .second_user = one->second_user,
                                         .observe = true};
    struct cf_error error = {0};
    pid_t pid;
    if (one->second_user && !cf_lab_has_second_user()) {
        printf("not here  %s: no second user can be mapped\n", one->name);
        remove_evidence(evidence, path);
        return 0;
    }
    fflush(stdout);
    int result = cf_lab_start(&config, one->body, path, &pid, &error);
    if (result == 0 && waitpid(pid, &status, 0) == pid)
        result = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    if (result == 0 && one->check != NULL)
        result = one->check(evidence);
    if (result != 0)
        show_error(evidence);
    printf("%s  %s (%.1f ms to set up)\n", result == 0 ? "ok  " : "FAIL", one->name,
           (double)setup_ns(evidence) / 1e6);
    if (result != 0 && getenv("LAB_TEST_KEEP") != NULL)
        printf("      evidence kept in %s\n", path);
    else
        remove_evidence(evidence, path);
    return result != 0;
}

static int run_function(const char *name, int (*function)(void))
{
    fflush(stdout);
    int result = function();
    printf("%s  %s\n", result == 0 ? "ok  " : "FAIL", name);
    return result != 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} FUNCTIONS[] = {
    {"death of the caller", check_death_of_the_caller},
    {"death of an observer", check_death_of_an_observer},
};

static int run_all(const char *only)
{
    static const struct lab_case *const groups[] = {ISOLATION_CASES, ROAD_CASES, SUBJECT_CASES,
                                                    SIDECAR_CASES};
    int failed = 0, run = 0;
    for (size_t group = 0; group < sizeof groups / sizeof groups[0]; group++)
        for (const struct lab_case *one = groups[group]; one->name != NULL; one++)
            if (only == NULL || strstr(one->name, only) != NULL) {
                alarm(CASE_SECONDS);
                failed += run_case(one);
                run++;
            }
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof FUNCTIONS[0]; i++)
        if (only == NULL || strstr(FUNCTIONS[i].name, only) != NULL) {
            alarm(CASE_SECONDS);
            failed += run_function(FUNCTIONS[i].name, FUNCTIONS[i].run);
            run++;
        }
    printf("%d run, %d failed\n", run, failed);
    return failed > 0 || run == 0;
}

int main(int argc, char **argv)
{
    struct cf_error error = {0};
    const char *bin = getenv("FIRMA_BIN");
    char *own = realpath("/proc/self/exe", NULL);
    snprintf(subject_path, sizeof subject_path, "%.*s/lab_subject", (int)(strrchr(own, '/') - own),
             own);
    if (bin != NULL)
        snprintf(sidecar_path, sizeof sidecar_path, "%s/fake-sidecar", bin);
    else
        snprintf(sidecar_path, sizeof sidecar_path, "%.*s/../bin/fake-sidecar",
                 (int)(strrchr(own, '/') - own), own);
    free(own);
    if (cf_lab_check(&error) != 0) {
        printf("a lab cannot be built here: %s\n", error.text);
        return strstr(error.text, "forbidden") != NULL ||
                       strstr(error.text, "restricted") != NULL ||
                       strstr(error.text, "masked") != NULL
                   ? SKIPPED
                   : 1;
    }
    return run_all(argc > 1 ? argv[1] : NULL);
}
