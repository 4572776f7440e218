/*
 * scene.h - what the runners' unit tests share: a private directory with a working directory and a
 * contract in it, a bridge and a DNS stub to talk to, and a runner as a child process.
 *
 *     static void test_x(void **state)
 *     {
 *         struct scene *scene = *state;
 *         struct outcome outcome;
 *         SCENE_RUN(scene, &outcome, "sh", "-c", "exit 3");
 *         assert_exit(&outcome, 3);
 *     }
 *
 * Setup and teardown come from scene_setup() and scene_teardown(). Every wait is bounded; whatever
 * a failing assert leaves behind, the teardown ends.
 */
#ifndef SCENE_H
#define SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "firma_contract.h"

enum { SCENE_WAIT_MS = 20000, OUTPUT_MAX = 256 * 1024 };

enum bridge_mode {
    BRIDGE_ANSWERS,     /* 200 to OPTIONS; `GET .../echo` sends back what follows the head */
    BRIDGE_BAD_GATEWAY, /* 502 in its own name: no sidecar */
    BRIDGE_SILENT,      /* accepts and says nothing */
    BRIDGE_ABSENT       /* nobody listens */
};

struct run {
    pid_t pid;
    int out; /* reading ends; -1 when at their end */
    int err;
};

struct scene {
    char root[64];
    char cwd[96];
    struct firma_contract contract;
    const char *runner; /* file name in FIRMA_BIN */
    pid_t bridge;
    uint16_t bridge_port;
    uint16_t dns_port;
    struct run run;
    /* What the runner is started with, changed by a test before it starts. */
    int stdin_fd;          /* -1: /dev/null */
    void (*prepare)(void); /* in the child, before the exec; no asserts */
};

struct outcome {
    int status; /* as waitpid(2) gives it */
    size_t out_size;
    char out[OUTPUT_MAX];
    char err[OUTPUT_MAX];
};

int scene_setup(void **state);
int scene_teardown(void **state);

/* (Re)starts the bridge in MODE, with ports of the system's choice, and names them in the contract.
 */
void scene_bridge(struct scene *scene, enum bridge_mode mode);

/* The file beside this test that does what no shell can; see helper.c. In the guest at HELPER. */
#define HELPER "/helper/runner_helper"

/* Before anything in a script that would do harm on the host, should a runner not confine it. */
#define ONLY_IN_GUEST "[ \"$(cat /proc/1/comm)\" = firma-init ] || exit 99; "

void scene_command(struct scene *scene, const char *const *words);
/* Writes the contract (replacing the one before) and starts the runner with it. */
void scene_start(struct scene *scene);
/* Reads the runner's stdout until TEXT was seen there; what was read stays in OUTCOME. */
void scene_expect(struct scene *scene, struct outcome *outcome, const char *text);
/* Reads both streams to their end and waits. */
void scene_finish(struct scene *scene, struct outcome *outcome);

#define SCENE_START(scene, ...)                                                                    \
    (scene_command((scene), (const char *const[]){__VA_ARGS__, NULL}), scene_start(scene))
#define SCENE_RUN(scene, outcome, ...)                                                             \
    (SCENE_START((scene), __VA_ARGS__), memset((outcome), 0, sizeof *(outcome)),                   \
     scene_finish((scene), (outcome)))

/* SCENE's path of the contract, and of NAME in its root; static buffers. */
const char *scene_contract_path(const struct scene *scene);
const char *scene_path(const struct scene *scene, const char *name);
/* Starts the runner with exactly these arguments after its name. */
void scene_start_with(struct scene *scene, const char *const *arguments);
/* Writes TEXT as NAME in the scene's root, replacing it. */
void scene_write(const struct scene *scene, const char *name, const void *bytes, size_t size,
                 mode_t mode);

/* Images of one byte each and their manifest, in the scene's root and named in the contract: for a
 * runner whose machine is none, they need only be the ones that the manifest says. */
void scene_images(struct scene *scene);

void assert_exit(const struct outcome *outcome, int status);
void assert_killed(const struct outcome *outcome, int number);
/* Refused by the runner: 125, one line on stderr that holds TEXT, nothing on stdout. */
void assert_refused(const struct outcome *outcome, const char *text);
void assert_holds(const char *text, const char *expected);
/* How often WORD stands in TEXT. */
size_t count_of(const char *text, const char *word);

#endif
