/*
 * world.h - a place without a way out, and the programs under test in it.
 *
 * world_enter() puts the test program into fresh user, process, mount and network namespaces with
 * nothing but a loopback and a /tmp of its own: no packet, no signal and no file of that folder
 * gets out, whatever a technique does. Every wait is bounded.
 */
#ifndef WORLD_H
#define WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WORLD_PATIENCE_MS = 10000, WORLD_OUTPUT = 1 << 20 };

/* Exits the program with 1 where no such place can be made. */
void world_enter(void);

/* A program with pipes at 0-2; `input` is the writing end, -1 when closed. */
struct program {
    pid_t pid;
    int input;
    int output;
    int errors;
    int status; /* as of waitpid(), after program_end() */
    char *out;  /* what was read so far, NUL-terminated */
    size_t out_used;
    char *err;
    size_t err_used;
};

/* Starts FIRMA_BIN/argv[0]; EXTRA is dup'ed to 3 unless -1. */
void program_start(struct program *program, const char *const *argv, int extra);
void program_say(struct program *program, const char *text);
void program_close_input(struct program *program);
/* Reads until TEXT stands in the output; false when the time went by or the output ended. */
bool program_await(struct program *program, const char *text);
/* Closes the input, reads both streams to their ends and reaps. Kills what overstays. */
void program_end(struct program *program);
void program_free(struct program *program);

/* A listening (or, for SOCK_DGRAM, bound) loopback socket; *PORT is the system's choice. */
int world_socket(int family, int type, uint16_t *port);
/* Accepts within the patience, or -1. */
int world_accept(int fd);
/* Reads once within the patience into TEXT (NUL-terminated). */
size_t world_read(int fd, char *text, size_t size);
/* Reads until the peer ends, or TEXT is full, or the time is over. */
size_t world_read_all(int fd, char *text, size_t size);
int world_connect(uint16_t port);

/* A process that answers every HTTP request on a loopback port with 200 and "canary". */
pid_t world_upstream(uint16_t *port);
void world_kill(pid_t pid);

struct sidecar {
    struct program program;
    uint16_t port;
    int log; /* a temporary file */
};

void sidecar_start(struct sidecar *sidecar, const char *script);
/* Asks it to end (unless it has by itself) and returns its log, checked for gaps. New reference. */
json_t *sidecar_end(struct sidecar *sidecar, bool ask);
/* The first record of EVENT, borrowed, or NULL. */
json_t *find_event(json_t *log, const char *event);
/* How many records of EVENT (NULL: any) contain TEXT anywhere. */
size_t count_records(json_t *log, const char *event, const char *text);

/* A plan in a temporary file: the two first lines, then BODY. */
struct plan {
    char path[64];
};
void plan_write(struct plan *plan, const char *body);
void plan_remove(struct plan *plan);
extern const char plan_token[];
/* Starts the probe on PLAN. */
void probe_start(struct program *program, const struct plan *plan);
/* Receipts as an array; fails the test when a line is not JSON or a number is missing. */
json_t *receipts(const struct program *program);
const char *member(json_t *receipts, size_t index, const char *key);
/* Runs a plan of BODY with nothing on standard input; its receipts. */
json_t *run_plan(const char *body);
/* Runs one step "TECHNIQUE NONCE 3000 KEYS"; its receipt. New reference. */
json_t *run_step(const char *technique, const char *nonce, const char *keys);

#endif
