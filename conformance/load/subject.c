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

/* In the child: descriptors as a login shell has them. */
static void become(char *const *argv, uint16_t sidecar, int input, int output)
{
    struct rlimit limit;
    char address[64];
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", sidecar);
    setenv("FIRMA_RUN_SIDECAR", address, 1);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < SOFT ? limit.rlim_max : SOFT;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
        dup2(input, 0) == 0 && dup2(output, 1) == 1)
        execv(argv[0], argv);
    fprintf(stderr, "load: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* Turns the loop while launcher and runner check the sidecar, until the command speaks. */
struct start {
    struct firma_loop *loop;
    struct firma_watch watch;
};

static void command_speaks(void *context, unsigned events)
{
    struct start *start = context;
    char byte;
    (void)events;
    if (read(start->watch.fd, &byte, 1) != 1)
        load_give_up("the launcher ended before its command had started");
    load_done(start->loop);
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

static size_t bound_of_bridge(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= OTHER_DESCRIPTORS + 2 * CONNECTIONS)
        return CONNECTIONS;
    return (limit.rlim_max - OTHER_DESCRIPTORS) / 2;
}

void load_subject_start(struct load_subject *out, struct firma_loop *loop, char *const *argv,
                        const char *runtime_root, uint16_t sidecar)
{
    int input[2], output[2];
    struct start start = {.loop = loop};
    struct firma_error err;
    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)
        load_give_up("pipe: %s", strerror(errno));
    *out = (struct load_subject){.runtime_root = runtime_root, .connections = bound_of_bridge()};
    out->pid = fork();
    if (out->pid == 0)
        become(argv, sidecar, input[0], output[1]);
    close(input[0]);
    close(output[1]);
    out->input = input[1];
    start.watch = (struct firma_watch){
        .fd = output[0], .events = FIRMA_READ, .ready = command_speaks, .context = &start};
    if (firma_loop_watch(loop, &start.watch, &err) != 0 || !load_wait(loop))
        load_give_up("the launcher did not start its command");
    firma_loop_unwatch(loop, &start.watch);
    close(output[0]);
    read_ports(out);
}

void load_subject_end(struct load_subject *subject, struct load_report *report)
{
    int status = -1;
    struct load_gauge left;
    close(subject->input);
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
