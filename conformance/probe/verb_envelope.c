/* verb_envelope.c - everything a command can see of how it was started, as one JSON object. */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verbs.h"

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void put_list(struct probe_text *text, const char *name, char **words)
{
    probe_put(text, "\"%s\":[", name);
    for (size_t i = 0; words[i] != NULL; i++) {
        probe_put(text, i == 0 ? "" : ",");
        probe_put_word(text, words[i]);
    }
    probe_put(text, "],");
}

static void put_environment(struct probe_text *text, char **envp)
{
    size_t count = 0;
    while (envp[count] != NULL)
        count++;
    qsort(envp, count, sizeof *envp, by_bytes);
    put_list(text, "env", envp);
}

static void put_identity(struct probe_text *text)
{
    gid_t groups[256];
    int count = getgroups(256, groups);
    probe_put(text, "\"uid\":%ld,\"euid\":%ld,\"gid\":%ld,\"egid\":%ld,\"groups\":[",
              (long)getuid(), (long)geteuid(), (long)getgid(), (long)getegid());
    for (int i = 0; i < count; i++)
        probe_put(text, "%s%ld", i == 0 ? "" : ",", (long)groups[i]);
    probe_put(text, "],");
}

/* Bit N-1 stands for signal N. */
static void put_signals(struct probe_text *text)
{
    unsigned long long blocked = 0, ignored = 0;
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    for (int number = 1; number <= 64 && number < NSIG; number++) {
        struct sigaction action;
        if (sigismember(&set, number) == 1)
            blocked |= 1ULL << (number - 1);
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            ignored |= 1ULL << (number - 1);
    }
    probe_put(text, "\"sigmask\":\"%016llx\",\"ignored\":\"%016llx\",", blocked, ignored);
}

static void put_place(struct probe_text *text)
{
    char cwd[PATH_MAX] = "", host[256] = "";
    mode_t mask = umask(0);
    umask(mask);
    probe_put(text, "\"cwd\":");
    probe_put_word(text, getcwd(cwd, sizeof cwd));
    gethostname(host, sizeof host - 1);
    probe_put(text, ",\"hostname\":");
    probe_put_word(text, host);
    probe_put(text, ",\"umask\":\"%04o\",", (unsigned)mask);
}

static void put_limits(struct probe_text *text)
{
    struct rlimit files = {0, 0};
    getrlimit(RLIMIT_NOFILE, &files);
    probe_put(text, "\"nofile\":[%llu,%llu],\"isatty\":[%s,%s,%s],",
              (unsigned long long)files.rlim_cur, (unsigned long long)files.rlim_max,
              isatty(0) ? "true" : "false", isatty(1) ? "true" : "false",
              isatty(2) ? "true" : "false");
}

/* Descriptors above 2, found by asking for each: no folder needs to be mounted. */
static void put_descriptors(struct probe_text *text)
{
    bool first = true;
    probe_put(text, "\"fds\":[");
    for (int fd = 3; fd < 4096; fd++) {
        struct stat info;
        if (fstat(fd, &info) != 0)
            continue;
        probe_put(text, "%s%d", first ? "" : ",", fd);
        first = false;
    }
    probe_put(text, "],");
}

int probe_verb_envelope(int argc, char **argv, char **envp)
{
    (void)argc;
    struct probe_text *text = calloc(1, sizeof *text);
    if (text == NULL)
        return 71;
    probe_put(text, "{");
    put_list(text, "argv", argv);
    put_environment(text, envp);
    put_place(text);
    put_identity(text);
    put_signals(text);
    put_limits(text);
    put_descriptors(text);
    probe_envelope_system(text);
    probe_put(text, "\"cut\":%s}\n", text->cut ? "true" : "false");
    return probe_write(STDOUT_FILENO, text->data, text->used) && !text->cut ? 0 : 74;
}
