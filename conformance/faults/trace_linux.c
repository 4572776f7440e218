/*
 * trace_linux.c - the launch under ptrace(2), every call of every process of it.
 *
 * A call fails by never being made: at its entry its number is exchanged for one that does not
 * exist, at its exit the result for the wanted error. close(2) and munmap(2) are made all the same,
 * because the kernel does their work even where it reports a failure. The command is let go when it
 * is executed. The cell is pid 1, so whatever the launch leaves behind becomes its child.
 */
#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "base/events.h"
#include "faults.h"

enum {
    PROCESSES = 64,
    NUMBERS = 512,
    OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
              PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL,
    NOBODY = -1,
    UNBORN = -2, /* stopped before its parent told of it */
    TICK_MS = 100,
};

struct process {
    pid_t pid;
    int role;
    bool failing; /* in the call that fails */
};

struct tracer {
    struct fault_trace *trace;
    struct process processes[PROCESSES];
    size_t count;
    unsigned calls[FAULT_ROLES][NUMBERS];
    pid_t launcher;
    pid_t pids[FAULT_ROLES];
};

/* ---- registers ---- */

static int set_call(pid_t pid, long number)
{
#if defined(__x86_64__)
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
        return -1;
    regs.orig_rax = (unsigned long long)number;
    return (int)ptrace(PTRACE_SETREGS, pid, NULL, &regs);
#elif defined(__aarch64__)
    int value = (int)number;
    struct iovec part = {&value, sizeof value};
    return (int)ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &part);
#else
#error "say here how this machine's system call number is changed"
#endif
}

static int set_result(pid_t pid, long value)
{
#if defined(__x86_64__)
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
        return -1;
    regs.rax = (unsigned long long)value;
    return (int)ptrace(PTRACE_SETREGS, pid, NULL, &regs);
#else
    struct user_regs_struct regs;
    struct iovec part = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part) < 0)
        return -1;
    regs.regs[0] = (unsigned long long)value;
    return (int)ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part);
#endif
}

/* ---- who is who ---- */

static struct process *find(struct tracer *tracer, pid_t pid)
{
    for (size_t i = 0; i < tracer->count; i++)
        if (tracer->processes[i].pid == pid)
            return &tracer->processes[i];
    return NULL;
}

static struct process *add(struct tracer *tracer, pid_t pid, int role)
{
    static struct process spare; /* more than a launch ever has */
    struct process *made = tracer->count < PROCESSES ? &tracer->processes[tracer->count++] : &spare;
    *made = (struct process){.pid = pid, .role = role};
    return made;
}

static void forget(struct tracer *tracer, pid_t pid)
{
    struct process *gone = find(tracer, pid);
    if (gone != NULL)
        *gone = tracer->processes[--tracer->count];
    for (int role = 0; role < FAULT_ROLES; role++)
        if (tracer->pids[role] == pid)
            tracer->pids[role] = 0;
}

static int child_role(int parent)
{
    switch (parent) {
    case FAULT_LAUNCHER:
        return FAULT_GUARDIAN;
    case FAULT_GUARDIAN:
        return FAULT_SPAWN;
    case FAULT_RUNNER:
        return FAULT_INIT;
    case FAULT_INIT:
        return FAULT_COMMAND;
    default:
        return NOBODY;
    }
}

static void become(struct tracer *tracer, struct process *process, int role)
{
    process->role = role;
    if (role >= 0)
        tracer->pids[role] = process->pid;
}

static void go_on(pid_t pid, int signal)
{
    ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(uintptr_t)signal);
}

static void born(struct tracer *tracer, const struct process *parent)
{
    unsigned long pid = 0;
    int role = child_role(parent->role);
    if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) < 0)
        return;
    struct process *child = find(tracer, (pid_t)pid);
    bool waits = child != NULL && child->role == UNBORN;
    if (child == NULL)
        child = add(tracer, (pid_t)pid, role);
    become(tracer, child, role);
    if (waits)
        go_on((pid_t)pid, 0);
}

/* False when the process was let go. */
static bool executed(struct tracer *tracer, struct process *process)
{
    struct fault_trace *trace = tracer->trace;
    if (process->role == NOBODY && process->pid == tracer->launcher) {
        become(tracer, process, FAULT_LAUNCHER);
    } else if (process->role == FAULT_SPAWN) {
        tracer->pids[FAULT_SPAWN] = 0;
        become(tracer, process, FAULT_RUNNER);
        trace->runner_executed = true;
    } else if (process->role == FAULT_COMMAND) {
        pid_t pid = process->pid;
        trace->command_executed = true;
        trace->executed_ns = cf_now();
        forget(tracer, pid);
        ptrace(PTRACE_DETACH, pid, NULL, NULL);
        return false;
    }
    return true;
}

/* ---- the fault ---- */

static pid_t victim_of(const struct tracer *tracer)
{
    int victim = tracer->trace->order.victim;
    return victim == FAULT_SIDECAR ? tracer->trace->sidecar : tracer->pids[victim];
}

static bool is_made_anyway(long number)
{
    return number == SYS_close || number == SYS_munmap;
}

/* set_robust_list(2) ends the C library's setting up of the only thread, libraries loaded; what it
 * then makes read-only nobody else does. */
static bool is_loading(const struct tracer *tracer, int role, long number)
{
    return (role == FAULT_LAUNCHER || role == FAULT_RUNNER) &&
           (tracer->calls[role][SYS_set_robust_list] == 0 || number == SYS_mprotect);
}

static void strike(struct tracer *tracer, struct process *process, long number)
{
    struct fault_trace *trace = tracer->trace;
    trace->fired = true;
    trace->asked_before = tracer->calls[FAULT_RUNNER][SYS_sendto] > 0;
    trace->committed_before = trace->committed_ns != 0;
    trace->executed_before = trace->command_executed;
    trace->loading = is_loading(tracer, process->role, number);
    if (trace->order.errnum != 0) {
        process->failing = true;
        if (!is_made_anyway(number))
            set_call(process->pid, -1);
        return;
    }
    pid_t victim = victim_of(tracer);
    trace->victim_lived = victim > 0 && kill(victim, SIGKILL) == 0;
}

static void entered(struct tracer *tracer, struct process *process,
                    const struct ptrace_syscall_info *info)
{
    struct fault_trace *trace = tracer->trace;
    long number = (long)info->entry.nr;
    if (process->role < 0 || number < 0 || number >= NUMBERS)
        return;
    unsigned nth = ++tracer->calls[process->role][number];
    if (process->role == FAULT_RUNNER && number == SYS_recvfrom && nth == 1)
        trace->committed_ns = cf_now();
    const struct fault_order *order = &trace->order;
    bool strikes =
        !trace->fired && order->nth == nth && order->role == process->role && order->call == number;
    char detail[sizeof trace->detail] = "";
    if (strikes || trace->on_call != NULL)
        fault_call_detail(process->pid, number, (const uint64_t *)info->entry.args, detail,
                          sizeof detail);
    if (trace->on_call != NULL)
        trace->on_call(trace->context, process->role, number, nth, detail);
    if (strikes) {
        memcpy(trace->detail, detail, sizeof detail);
        strike(tracer, process, number);
    }
}

static void on_call_stop(struct tracer *tracer, struct process *process)
{
    struct ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof info, &info) <= 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        entered(tracer, process, &info);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && process->failing) {
        process->failing = false;
        set_result(process->pid, -tracer->trace->order.errnum);
    }
}

static void on_stop(struct tracer *tracer, pid_t pid, int status)
{
    struct process *process = find(tracer, pid);
    int event = status >> 16, signal = WSTOPSIG(status);
    if (process == NULL) {
        add(tracer, pid, UNBORN);
        return;
    }
    if (signal == (SIGTRAP | 0x80)) {
        on_call_stop(tracer, process);
        go_on(pid, 0);
    } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
        ptrace(PTRACE_LISTEN, pid, NULL, NULL);
    } else if (event == PTRACE_EVENT_EXEC) {
        if (executed(tracer, process))
            go_on(pid, 0);
    } else if (event != 0) {
        if (event != PTRACE_EVENT_STOP)
            born(tracer, process);
        go_on(pid, 0);
    } else {
        go_on(pid, signal);
    }
}

/* ---- waiting for all of it ---- */

static void on_tick(int number)
{
    (void)number;
}

/* Without SA_RESTART: a wait(2) ends now and then, to look at the time. */
static void tick(bool on)
{
    struct sigaction action = {.sa_handler = on_tick};
    struct itimerval timer = {{0, on ? TICK_MS * 1000 : 0}, {0, on ? TICK_MS * 1000 : 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* The other processes in here, but zombies; their names go to TEXT. */
static size_t count_others(pid_t sidecar, char *text, size_t size)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    text[0] = '\0';
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
        char path[64], line[256] = "", *name;
        pid_t pid = (pid_t)atoi(entry->d_name);
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *file = pid > 1 && pid != sidecar ? fopen(path, "re") : NULL;
        if (file == NULL)
            continue;
        name = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
        if (name != NULL && name[2] != 'Z' && name[2] != 'X') {
            size_t used = strlen(text);
            snprintf(text + used, size - used, "%.*s ", (int)(name + 1 - line), line);
            count++;
        }
        fclose(file);
    }
    if (proc != NULL)
        closedir(proc);
    return count;
}

static void kill_all(void)
{
    tick(false);
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
        ;
}

static bool is_over(const struct tracer *tracer, pid_t sidecar, struct fault_end *out)
{
    return tracer->launcher == 0 &&
           count_others(sidecar, out->survivors, sizeof out->survivors) == 0;
}

static void await_all(struct tracer *tracer, pid_t sidecar, unsigned patience_ms,
                      struct fault_end *out)
{
    uint64_t deadline = cf_now() + FAULT_BOUND_MS * 1000000ull;
    uint64_t patience = patience_ms > 0 ? cf_now() + patience_ms * 1000000ull : UINT64_MAX;
    while (!is_over(tracer, sidecar, out)) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid > 0 && WIFSTOPPED(status)) {
            if (tracer->trace != NULL)
                on_stop(tracer, pid, status);
        } else if (pid > 0) {
            forget(tracer, pid);
            if (pid == tracer->launcher) {
                out->status = status;
                tracer->launcher = 0;
                deadline = cf_now() + FAULT_GONE_MS * 1000000ull;
            }
        }
        if (cf_now() > patience && tracer->launcher != 0) {
            kill(tracer->launcher, SIGTERM);
            patience = UINT64_MAX;
        }
        if (cf_now() > deadline) {
            out->hung = tracer->launcher != 0;
            out->outlived = !out->hung;
            count_others(sidecar, out->survivors, sizeof out->survivors);
            kill_all();
            return;
        }
    }
}

void fault_trace_run(struct fault_trace *trace, pid_t pid, pid_t sidecar, unsigned patience_ms,
                     struct fault_end *out)
{
    struct tracer tracer = {.trace = trace, .launcher = pid};
    *out = (struct fault_end){0};
    if (trace != NULL) {
        trace->sidecar = sidecar;
        add(&tracer, pid, NOBODY);
        if (ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
            perror("faults: ptrace");
    }
    tick(true);
    kill(pid, SIGCONT);
    await_all(&tracer, sidecar, patience_ms, out);
    tick(false);
}
