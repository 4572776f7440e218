/*
 * process.h - one subject process under the harness's eyes: streams, stimuli, exit.
 *
 * A process is started on streams of the harness's making (ends.h). Every wait is a poll(2) over
 * its streams and its exit, bounded by a deadline; nothing sleeps. Both output streams are hashed
 * whole and kept up to a bound.
 */
#ifndef CF_PROCESS_H
#define CF_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/lab.h"
#include "scenarios/ends.h"

enum { CF_STREAM_KEPT = 1 << 20 };

struct cf_stream {
    int fd;              /* the harness's end, -1 after end of file */
    unsigned char *data; /* the first CF_STREAM_KEPT bytes */
    size_t kept, looked; /* `looked`: how far cf_process_await() has consumed */
    uint64_t total;      /* all bytes */
    void *hash;          /* EVP_MD_CTX over all bytes */
    char sha256[65];     /* filled by cf_process_finish() */
};

struct cf_process_config {
    const char *const *argv;
    const char *const *envp;
    const char *cwd;
    enum cf_end ends[3];                          /* fds 0-2; nothing said: three pipes */
    bool second_user, no_capabilities, may_chown; /* as in cf_command */
    int extra_fd;                                 /* becomes fd 3; -1: none */
};

struct cf_process {
    pid_t pid;
    int exit_fd;  /* pidfd */
    int input;    /* -1 when closed */
    int terminal; /* the master, -1 without one */
    int files[3]; /* as in cf_ends */
    struct cf_stream out, err;
    bool deaf; /* stdout is not read for now */
    bool ended, timed_out;
    bool held_open; /* somebody kept an output stream open beyond the process's end */
    int status;     /* wait status once ended */
    uint64_t started, stopped;
};

int cf_process_start(struct cf_process *process, struct cf_lab *lab,
                     const struct cf_process_config *config, struct cf_error *err);
/* Pumps until TEXT stands in stdout behind what earlier calls consumed. False: the deadline (or the
 * process's end) came first. */
bool cf_process_await(struct cf_process *process, const char *text, unsigned deadline_ms);
/* Writes all of DATA to stdin while pumping the outputs; false when the process stopped reading. */
bool cf_process_write(struct cf_process *process, const void *data, size_t length,
                      unsigned deadline_ms);
/* Pumps for the whole of MS: a window in which something more might come. */
void cf_process_hold(struct cf_process *process, unsigned ms);
void cf_process_close_input(struct cf_process *process);
/* Lets go of the terminal, whose processes the kernel then tells. */
bool cf_process_hang_up(struct cf_process *process);
/* Closes the reader of stdout: whoever writes there gets EPIPE. */
void cf_process_shut(struct cf_process *process);
/* Waits until PROCESS is stopped, pumping nothing; false at its end or at the deadline. */
bool cf_process_await_stop(struct cf_process *process, unsigned deadline_ms);
/* Pumps until the process has ended and both streams are at their end, or the deadline: then
 * `timed_out` is set and the process (and what it left in the lab's subject) is killed. */
void cf_process_finish(struct cf_process *process, struct cf_lab *lab, unsigned deadline_ms);
/* Exit status as a shell tells it: n, or 128 + signal. -1 when it timed out. */
int cf_process_code(const struct cf_process *process);
/* Frees buffers and descriptors; kills and reaps a process that still runs. */
void cf_process_release(struct cf_process *process);

#endif
