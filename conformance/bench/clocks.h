/* clocks.h - what the measuring programs share: clocks, and a way out. */
#ifndef BENCH_CLOCKS_H
#define BENCH_CLOCKS_H

#include <stdint.h>
#include <sys/types.h>

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t bench_now(void);

/* User and system time in nanoseconds that PID, its living descendants and the children they have
 * reaped have used; 0 if there is no such process. What ended without being waited for is lost. */
uint64_t bench_cpu(pid_t pid);

/* Prints "bench-…: MESSAGE" (with errno's text if ERRNUM is not 0) and exits 3. */
void bench_die(int errnum, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

#endif
