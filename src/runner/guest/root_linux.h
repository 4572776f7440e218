/* root_linux.h - the pieces a guest's root file system is put together from. DIR and ROOT are
 * directories by descriptor (borrowed); errors as in guest.h. */
#ifndef FIRMA_GUEST_ROOT_H
#define FIRMA_GUEST_ROOT_H

#include <sys/types.h>

#include "firma_run.h"

/* ---- root_linux.c ---- */

/* Mounts a fresh file system on NAME in DIR. */
int firma_root_mount(int dir, const char *name, const char *type, const char *const *options,
                     unsigned attributes, struct firma_error *err);
/* Mounts SOURCE, as the process sees it, on NAME in DIR; an absent SOURCE is reported as
 * FIRMA_E_MOUNT with errnum ENOENT. */
int firma_root_bind(int dir, const char *name, const char *source, unsigned attributes,
                    struct firma_error *err);
/* Mounts the directory NAME in DIR on itself: a mount of its own, with ATTRIBUTES and those of
 * DIR's, but writable after DIR's is sealed. */
int firma_root_part(int dir, const char *name, unsigned attributes, struct firma_error *err);
/* Creates a directory or an empty file to mount on. */
int firma_root_directory(int dir, const char *name, mode_t mode, struct firma_error *err);
int firma_root_file(int dir, const char *name, struct firma_error *err);
int firma_root_link(int dir, const char *name, const char *target, struct firma_error *err);

/* ---- root_dev_linux.c, root_proc_linux.c ---- */

/* /dev of the new root directory ROOT. */
int firma_root_build_dev(int root, struct firma_error *err);

/* What parts of /proc are covered with: detached trees, owned. */
struct firma_root_covers {
    int file;
    int directory;
};

/* /proc of it, for which the process namespace's must be that of the guest and a /proc of the
 * host's be in sight; and the covers for it. EMPTY is the name of a directory in ROOT that stays
 * empty, or NULL if there is none. */
int firma_root_mount_proc(int root, const char *empty, struct firma_root_covers *covers,
                          struct firma_error *err);
void firma_root_covers_close(struct firma_root_covers *covers);
/* What must be done to it before a command may see it. Goes by descriptors alone, so the process's
 * own root may be exchanged meanwhile. COVERS are borrowed, and used up. */
int firma_root_restrict_proc(int root, const struct firma_root_covers *covers,
                             struct firma_error *err);

#endif
