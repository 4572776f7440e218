/*
 * artifact.h - the four files an operator configures: runner, kernel, initrd, rootfs.
 *
 * A validated artifact stays open: its descriptor is what was judged, and for the runner it is also
 * what is executed. `path` is as configured (it goes into the contract), `canonical` has every link
 * resolved.
 */
#ifndef FIRMA_ARTIFACT_H
#define FIRMA_ARTIFACT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "firma_run.h"

enum firma_artifact_role {
    FIRMA_RUNNER,
    FIRMA_KERNEL,
    FIRMA_INITRD,
    FIRMA_ROOTFS,
    FIRMA_ARTIFACTS
};

struct firma_artifact {
    int fd; /* CLOEXEC, -1 when empty */
    char *path;
    char *canonical;
    struct stat identity;
    bool is_script; /* starts with #! */
};

/* The environment variable that configures ROLE. */
const char *firma_artifact_variable(enum firma_artifact_role role);

/* Validates one path for the variable or option NAME: set, absolute, exists, a regular file, it and
 * every directory on its way not writable by others; with EXECUTABLE, this user may execute it.
 * FIRMA_E_ARTIFACT starts with NAME. */
int firma_artifact_open(struct firma_artifact *out, const char *name, const char *path,
                        bool executable, struct firma_error *err);

/* Validates all four, in order, from ENVIRONMENT. OUT has FIRMA_ARTIFACTS entries. */
int firma_artifacts_open(struct firma_artifact *out, char *const *environment,
                         struct firma_error *err);

/* Is the file at `canonical` still the one that was validated (device, inode, ctime, size)? */
bool firma_artifact_unchanged(const struct firma_artifact *artifact);

/* Releases what ARTIFACT owns and makes it empty. */
void firma_artifact_close(struct firma_artifact *artifact);

#endif
