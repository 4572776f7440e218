/* preload.h - the page that tells the preloaded library what goes wrong, and where it counts. */
#ifndef FAULTS_PRELOAD_H
#define FAULTS_PRELOAD_H

#include <stdint.h>

#define PRELOAD_LIBRARY "/lab/instruments/faults-preload.so"
#define PRELOAD_PAGE    "/lab/instruments/page"

enum { PRELOAD_CLOCKS = 2 }; /* CLOCK_REALTIME, CLOCK_MONOTONIC */

/* Shared by the processes that PROGRAM forks: the count is theirs together. */
struct preload_page {
    char program[32];
    uint32_t fail_at;     /* the allocation that fails, from 1; 0: none */
    uint32_t allocations; /* so far */
    uint32_t failed;
    uint64_t failed_ns;               /* CLOCK_MONOTONIC */
    char caller[96];                  /* LIBRARY FUNCTION < PROGRAM+OFFSET */
    uint32_t jump_at[PRELOAD_CLOCKS]; /* the reading from which on the clock is wrong; 0: none */
    uint32_t readings[PRELOAD_CLOCKS];
    int64_t jump_seconds;
};

#endif
