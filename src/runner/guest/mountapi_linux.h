/*
 * mountapi_linux.h - mounts by descriptor (Linux 5.12), where no path can be swapped in between.
 *
 * A tree is cloned or created detached, gets its attributes while nobody can see it, and is
 * attached last. <sys/mount.h> and <linux/mount.h> exclude each other in some C libraries, so only
 * mountapi_linux.c includes the latter. See open_tree(2), fsopen(2), mount_setattr(2),
 * move_mount(2).
 */
#ifndef FIRMA_MOUNTAPI_H
#define FIRMA_MOUNTAPI_H

#include "firma_run.h"

/* Attributes of a mount. Setting is all one can do: none is ever cleared. */
enum { FIRMA_MNT_READ_ONLY = 1, FIRMA_MNT_NOSUID = 2, FIRMA_MNT_NODEV = 4, FIRMA_MNT_NOEXEC = 8 };

/* Clones the mounts at PATH (relative to DIRFD; links are followed) with everything mounted below,
 * all with ATTRIBUTES. Returns the detached tree (caller's, CLOEXEC) or FIRMA_E_MOUNT with errnum
 * set. */
int firma_tree_clone(int dirfd, const char *path, unsigned attributes, struct firma_error *err);

/* The same with the attributes they have. Their propagation stays, too: it must be private. */
int firma_tree_copy(int dirfd, const char *path, struct firma_error *err);

/* Creates a file system of TYPE with OPTION=VALUE pairs (OPTIONS ends with NULL; a value may not be
 * NULL) as a detached tree. */
int firma_tree_create(const char *type, const char *const *options, unsigned attributes,
                      struct firma_error *err);

/* Attaches TREE (borrowed) on NAME in DIRFD, or on the directory DIRFD itself if NAME is "". A last
 * component that is a symbolic link is not followed. */
int firma_tree_attach(int tree, int dirfd, const char *name, struct firma_error *err);

/* Makes the one mount that DIRFD is the root of read-only, those below it not. */
int firma_mount_seal(int dirfd, struct firma_error *err);

#endif
