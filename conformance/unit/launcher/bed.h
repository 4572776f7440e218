/*
 * bed.h - a place to try firma-run in: a private directory with four artifacts, a working
 * directory, a runtime root, and a sidecar that answers every request with 200.
 *
 *     ROOT/art/{runner,kernel,initrd,rootfs}  ROOT/cwd  ROOT/run
 *
 * The runner is a copy of `unit_runner`: it runs the contract's command on the host.
 */
#ifndef UNIT_BED_H
#define UNIT_BED_H

#include <stdbool.h>
#include <sys/types.h>

enum { BED_VARIABLES = 64 };

struct bed {
    char root[256];
    char cwd[300];
    char runtime[300];
    char runner[300];
    char unit_command[300]; /* absolute path of the helper commands run */
    char firma_run[512];
    char *environment[BED_VARIABLES + 1];
    int sidecar; /* its listening socket */
    unsigned long thread;
};

/* One firma-run. `out` reads its standard output, `in` writes its standard input. */
struct bed_run {
    pid_t pid;
    int in;
    int out;
    int err;
    int status; /* reads the status descriptor */
};

void bed_open(struct bed *bed);
void bed_close(struct bed *bed);

/* A test with a bed of its own for its state. */
#define BED(test) cmocka_unit_test_setup_teardown(test, bed_setup, bed_teardown)
int bed_setup(void **state);
int bed_teardown(void **state);

/* Sets or (VALUE NULL) unsets a variable of the environment firma-run is started with. */
void bed_set(struct bed *bed, const char *name, const char *value);
/* Writes ROOT/art/NAME with MODE. */
void bed_write(const struct bed *bed, const char *name, const char *text, mode_t mode);
/* True if ROOT/run holds nothing (or is not there). */
bool bed_is_clean(const struct bed *bed);

/* Starts firma-run with --runtime-dir, --cwd, --status-fd, the given words (NULL-terminated). */
void bed_start(const struct bed *bed, struct bed_run *run, const char *const *words);
/* Reads one line from FD into LINE without its line feed; false at the end. */
bool bed_line(int fd, char *line, size_t size);
/* Reads FD to its end: with a runner's output, until nothing that holds it lives any more. */
size_t bed_rest(int fd, char *text, size_t size);
/* Waits for firma-run's end: 0-255 for an exit, 1000+s for death by signal s; closes all. */
int bed_wait(struct bed_run *run);
/* start, rest of stdout and stderr (both may be NULL), wait */
int bed_run(const struct bed *bed, const char *const *words, char out[4096], char err[4096]);

/* firma-run with its first options and WORDS, for a test that starts it itself; the status
 * descriptor is BED_STATUS_FD. */
enum { BED_STATUS_FD = 9, BED_ARGV = 512 };
void bed_argv(const struct bed *bed, const char *const *words, char *argv[BED_ARGV]);

/* dup2(2) whose result always survives execve(2), even if FROM is TO already. For a child. */
void bed_place(int from, int to);

/* Linux: orphans of this process become its own, so that every survivor can be waited for. */
void bed_adopt_orphans(void);
/* Reaps until no child is left; the watchdog's alarm ends a test in which one never ends. */
void bed_reap_all(void);

#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

#endif
