/*
 * runtime_dir.h - where a launch keeps its contract and proof.
 *
 *     ROOT/SANDBOX_ID/            0700, made by us, locked as long as launcher or guardian lives
 *         vz-guest-launch.json
 *         enforcement-proof.json
 *         kept                    only with --keep: no later launch sweeps it
 *
 * ROOT is `--runtime-dir`, or `firma-run-UID` (ours alone, 0700) in the first of XDG_RUNTIME_DIR,
 * TMPDIR and /tmp that is set; one that is set and unusable is an error, not skipped. Always
 * canonical. A directory is born as `.new-SANDBOX_ID`, locked (flock(2) on the directory itself)
 * and only then renamed, so a sweep never finds one of a living launch unlocked.
 */
#ifndef FIRMA_RUNTIME_DIR_H
#define FIRMA_RUNTIME_DIR_H

#include <stdbool.h>

#include "firma_contract.h"

struct firma_runtime_root {
    char *path;      /* canonical; need not exist yet */
    bool is_default; /* ours to make, and 0700 */
};

struct firma_runtime_dir {
    int root_fd; /* CLOEXEC, -1 when empty */
    int fd;      /* the launch's own directory; holds the lock */
    char name[FIRMA_UUID_SIZE];
    char root[FIRMA_MAX_PATH + 1];
    bool root_is_ours; /* made by a launch: goes with the last directory in it */
};

/* Finds ROOT without creating anything. OVERRIDE: `--runtime-dir` or NULL. FIRMA_E_CUSTODY,
 * FIRMA_E_CONFIG, FIRMA_E_MEMORY. */
int firma_runtime_root_find(struct firma_runtime_root *out, char *const *environment,
                            const char *override, struct firma_error *err);
void firma_runtime_root_clear(struct firma_runtime_root *root);

/* Creates ROOT if it is missing and the directory SANDBOX_ID in it. FIRMA_E_CUSTODY,
 * FIRMA_E_SYSTEM. */
int firma_runtime_dir_create(struct firma_runtime_dir *out, const struct firma_runtime_root *root,
                             const char *sandbox_id, struct firma_error *err);

/* Creates NAME in it: complete, 0600, never through a link or over something. FIRMA_E_SYSTEM. */
int firma_runtime_dir_write(const struct firma_runtime_dir *dir, const char *name, const char *text,
                            struct firma_error *err);

/* Leaves a mark that a sweep heeds. FIRMA_E_SYSTEM. */
int firma_runtime_dir_keep(const struct firma_runtime_dir *dir, struct firma_error *err);

/* Removes the directory and everything in it, without following links or crossing file systems, and
 * ROOT if that is ours and empty now. Harmless if it is gone. */
void firma_runtime_dir_remove(const struct firma_runtime_dir *dir);

/* Removes the directories in ROOT_FD that no living launch holds and nobody asked to keep. Returns
 * their number. */
int firma_runtime_dir_sweep(int root_fd);

void firma_runtime_dir_close(struct firma_runtime_dir *dir);

#endif
