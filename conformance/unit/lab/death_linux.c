/* death_linux.c - what happens when somebody dies who should not. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab_test.h"

static void remove_folder(int evidence, const char *path)
{
    static const char *const files[] = {"lab.jsonl",    "harness.jsonl", "canary.jsonl",
                                        "capture.pcap", "capture.jsonl", "honeypots.jsonl"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlinkat(evidence, files[i], 0);
    close(evidence);
    rmdir(path);
}

/* Says "up" on stdout once a subject runs, and then waits for ever. */
static int linger(struct cf_lab *lab, void *context)
{
    const char *argv[] = {"/bin/sh", "-c", "sleep 1000 & echo up; wait", NULL};
    const char *const envp[] = {"PATH=/usr/bin:/bin", NULL};
    const struct cf_command command = {
        .argv = argv, .envp = envp, .fds = {-1, 1, 1}, .extra_fd = -1, .new_session = true};
    pid_t pid;
    (void)context;
    CHECK(cf_lab_spawn(lab, &command, &pid, NULL) == 0);
    for (;;)
        pause();
}

/* The caller that will be killed: everything it starts holds the pipe that is its stdout. */
_Noreturn static void be_the_caller(int evidence, int out)
{
    const struct cf_lab_config config = {.evidence_fd = evidence, .observe = true};
    pid_t pid;
    dup2(out, 1);
    if (cf_lab_start(&config, linger, NULL, &pid, NULL) != 0)
        _exit(1);
    for (;;)
        pause();
}

int check_death_of_the_caller(void)
{
    char path[] = "/var/tmp/lab-test-XXXXXX", word[4] = "";
    int pipes[2], status;
    CHECK(mkdtemp(path) != NULL && pipe2(pipes, O_CLOEXEC) == 0);
    int evidence = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pid_t caller = fork();
    if (caller == 0)
        be_the_caller(evidence, pipes[1]);
    close(pipes[1]);
    struct pollfd wait = {.fd = pipes[0], .events = POLLIN};
    CHECK(poll(&wait, 1, 5000) == 1 && read(pipes[0], word, 3) == 3 && strncmp(word, "up", 2) == 0);
    uint64_t killed = cf_now();
    CHECK(kill(caller, SIGKILL) == 0 && waitpid(caller, &status, 0) == caller);
    /* End of file: the last process of the lab has gone. */
    CHECK(poll(&wait, 1, 5000) == 1 && read(pipes[0], word, 1) == 0);
    printf("      the lab was empty %.1f ms after its caller's SIGKILL\n",
           (double)(cf_now() - killed) / 1e6);
    close(pipes[0]);
    remove_folder(evidence, path);
    return 0;
}

static pid_t find(const char *name)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;
    while (found == 0 && (entry = readdir(proc)) != NULL) {
        char path[300], comm[32] = "";
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL)
            continue;
        if (fgets(comm, sizeof comm, file) != NULL && strncmp(comm, name, strlen(name)) == 0)
            found = (pid_t)atoi(entry->d_name);
        fclose(file);
    }
    closedir(proc);
    return found;
}

/* Inside the lab the canary is found by name, killed, and left for the lab to notice. */
static int kill_canary(struct cf_lab *lab, void *context)
{
    struct cf_error error = {0};
    siginfo_t info;
    pid_t canary = find("canary");
    (void)context;
    CHECK(cf_lab_heartbeat(lab, "opening", &error) == 0);
    CHECK(canary > 0 && kill(canary, SIGKILL) == 0);
    CHECK(waitid(P_PID, (id_t)canary, &info, WEXITED | WNOWAIT) == 0);
    CHECK(cf_lab_heartbeat(lab, "closing", &error) == 0);
    return 0;
}

static int canary_is_missed(int evidence)
{
    json_t *all = load_records(evidence, "harness.jsonl"), *record;
    size_t index, seen[2] = {0, 0}, missed = 0;
    json_array_foreach (all, index, record) {
        const char *label = json_string_value(json_object_get(record, "label"));
        const char *road = json_string_value(json_object_get(record, "road"));
        if (label == NULL)
            continue;
        bool ok = json_is_true(json_object_get(record, "seen"));
        seen[label[0] == 'c'] += ok;
        missed += !ok && (strncmp(road, "tcp", 3) == 0 || strncmp(road, "udp", 3) == 0 ||
                          strncmp(road, "dns", 3) == 0);
    }
    json_decref(all);
    CHECK(seen[0] == 32 && seen[1] == 26 && missed == 6);
    CHECK(records(evidence, "lab.jsonl", "observer-exit", "name", "canary") == 1);
    CHECK(records(evidence, "canary.jsonl", "close", NULL, NULL) == 0);
    return 0;
}

int check_death_of_an_observer(void)
{
    char path[] = "/var/tmp/lab-test-XXXXXX";
    int status;
    pid_t pid;
    CHECK(mkdtemp(path) != NULL);
    int evidence = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct cf_lab_config config = {.evidence_fd = evidence, .observe = true};
    CHECK(cf_lab_start(&config, kill_canary, NULL, &pid, NULL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    int result = canary_is_missed(evidence);
    remove_folder(evidence, path);
    return result;
}
