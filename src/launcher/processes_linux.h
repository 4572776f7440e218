/* processes_linux.h - the machine's processes, as far as /proc shows them (proc_pid_stat(5)). */
#ifndef FIRMA_PROCESSES_LINUX_H
#define FIRMA_PROCESSES_LINUX_H

#include <stdbool.h>
#include <sys/types.h>

struct firma_process {
    pid_t pid;
    pid_t parent;
    pid_t group;
    char state;               /* 'Z': a zombie */
    unsigned long long start; /* in clock ticks since boot: with the pid, a process's identity */
};

/* Reads process PID; false if it is gone. */
bool firma_process_read(pid_t pid, struct firma_process *out);

/* Calls VISIT for every process until it returns false. False if /proc cannot be listed. */
bool firma_processes_each(bool (*visit)(const struct firma_process *process, void *context),
                          void *context);

#endif
