/* bench-cpu PID: user and system time of a process and its children so far, in nanoseconds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clocks.h"

int main(int argc, char **argv)
{
    pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
    uint64_t spent = pid > 0 ? bench_cpu(pid) : 0;
    if (spent == 0)
        bench_die(0, "no process '%s'", argc == 2 ? argv[1] : "");
    printf("%" PRIu64 "\n", spent);
    return 0;
}
