/* A launcher that waits for its command to read the end of its input, and is loaded meanwhile. */
#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "firma_contract.h"

enum { SOFT = 1024 };

/* As README.md says under Bounds: the launcher is held against that. */
enum { CONNECTIONS = 2048, OTHER_DESCRIPTORS = 96 };

static rlim_t hard_limit(const struct load_start *start)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    return start->open_files > 0 ? start->open_files : limit.rlim_max;
}

static size_t bound_of_bridge(const struct load_start *start)
{
    rlim_t limit = hard_limit(start);
    if (limit >= OTHER_DESCRIPTORS + 2 * CONNECTIONS)
        return CONNECTIONS;
    return (size_t)(limit - OTHER_DESCRIPTORS) / 2;
}

/* In the child: descriptors as a login shell has them. */
static void become(const struct load_start *start, int input, int output)
{
    struct rlimit limit;
    char address[64];
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", start->sidecar);
    setenv("FIRMA_RUN_SIDECAR", address, 1);
    limit.rlim_max = hard_limit(start);
    limit.rlim_cur = limit.rlim_max < SOFT ? limit.rlim_max : SOFT;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
        dup2(input, 0) == 0 && dup2(output, 1) == 1)
        execv(start->argv[0], start->argv);
    fprintf(stderr, "load: %s: %s\n", start->argv[0], strerror(errno));
    _exit(127);
}

/* Turns the loop while launcher and runner check the sidecar, until the command speaks. */
struct first_word {
    struct firma_loop *loop;
    struct firma_watch watch;
};

static void command_speaks(void *context, unsigned events)
{
    struct first_word *word = context;
    char byte;
    (void)events;
    if (read(word->watch.fd, &byte, 1) != 1)
        load_give_up("the launcher ended before its command had started");
    load_done(word->loop);
}

static void read_ports(struct load_subject *subject)
{
    char path[4096];
    struct firma_error err;
    struct firma_contract contract = {0};
    DIR *list = opendir(subject->runtime_root);
    struct dirent *entry = NULL;
    while (list != NULL && (entry = readdir(list)) != NULL && entry->d_name[0] == '.')
        ;
    if (entry == NULL)
        load_give_up("%s holds no launch", subject->runtime_root);
    snprintf(path, sizeof path, "%s/%s/%s", subject->runtime_root, entry->d_name,
             FIRMA_CONTRACT_FILE);
    closedir(list);
    if (firma_contract_read(path, &contract, &err) != 0)
        load_give_up("%s", err.text);
    subject->bridge = firma_contract_proxy_port(&contract);
    subject->stub = firma_contract_dns_port(&contract);
    firma_contract_clear(&contract);
}

void load_subject_start(struct load_subject *out, struct firma_loop *loop,
                        const struct load_start *how)
{
    int input[2], output[2];
    struct first_word word = {.loop = loop};
    struct firma_error err;
    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)
        load_give_up("pipe: %s", strerror(errno));
    *out = (struct load_subject){.runtime_root = how->runtime_root,
                                 .connections = bound_of_bridge(how)};
    out->pid = fork();
    if (out->pid == 0)
        become(how, input[0], output[1]);
    close(input[0]);
    close(output[1]);
    out->input = input[1];
    word.watch = (struct firma_watch){
        .fd = output[0], .events = FIRMA_READ, .ready = command_speaks, .context = &word};
    if (firma_loop_watch(loop, &word.watch, &err) != 0 || !load_wait(loop))
        load_give_up("the launcher did not start its command");
    firma_loop_unwatch(loop, &word.watch);
    out->output = output[0];
    read_ports(out);
}

void load_subject_end(struct load_subject *subject, struct load_report *report)
{
    int status = -1;
    struct load_gauge left;
    close(subject->input);
    close(subject->output);
    while (waitpid(subject->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        load_problem(report, "the launcher ended with %s %d",
                     WIFEXITED(status) ? "exit status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    load_gauge(&left, getpid(), subject->runtime_root);
    if (left.directories > 0)
        load_problem(report, "the launcher left %ld directories", left.directories);
}
