/*
 * custody.h - who could have changed this file?
 *
 * A path is only as trustworthy as every directory it passes through. The walk here starts at the
 * root, opens one component at a time without following symbolic links, checks each directory on
 * the descriptor it then continues from, and resolves links itself, so that the directory which
 * holds a link is checked as well as the one it points into. See openat(2), path_resolution(7).
 *
 * Trusted owners are the effective user, root, and whoever owns "/": inside a user namespace that
 * does not map the machine's root, root's files show the overflow uid, and the owner of "/" could
 * replace everything anyway. (There, other unmapped users cannot be told from root.)
 */
#ifndef FIRMA_CUSTODY_H
#define FIRMA_CUSTODY_H

#include <stdbool.h>
#include <sys/types.h>

#include "firma_run.h"

/* Where a path ends: the directory that holds it, open, and its name there. Owned by the caller. */
struct firma_place {
    int dirfd;  /* CLOEXEC; for openat(2) and fstat(2) only: it may lack read permission */
    char *name; /* one component, never "." or ".." */
    char *path; /* the whole path with every link before NAME (and NAME's own, if followed) resolved
                 */
};

/* True for the effective user, root and the owner of "/". */
bool firma_custody_trusts(uid_t owner);

/*
 * Walks the absolute PATH up to its last component and checks every directory and link on the way:
 * trusted owner, and directories not writable by group or others unless sticky. With FOLLOW, a last
 * component that is a link is resolved too; otherwise it is left for the caller to open with
 * O_NOFOLLOW. The last component need not exist. FIRMA_E_CUSTODY names the directory at fault,
 * FIRMA_E_SYSTEM what could not be opened, FIRMA_E_MEMORY. Close OUT with firma_place_close().
 */
int firma_custody_locate(const char *path, bool follow, struct firma_place *out,
                         struct firma_error *err);
void firma_place_close(struct firma_place *place);

/* Checks the directory FD as the walk does. PATH is for the message. FIRMA_E_CUSTODY,
 * FIRMA_E_SYSTEM. */
int firma_custody_directory(int fd, const char *path, struct firma_error *err);

/* The same walk, links followed to the end, for its verdict alone. */
int firma_custody_parents(const char *path, struct firma_error *err);

/* Checks that FD is a directory of ours without any permission for group and others (0700). NAME
 * is for the message. FIRMA_E_CUSTODY, FIRMA_E_SYSTEM. */
int firma_custody_private_dir(int fd, const char *name, struct firma_error *err);

/* Checks that FD is a regular file with a trusted owner and none of the FORBIDDEN permission bits
 * (077: private; 022: not writable by others). NAME is for the message. FIRMA_E_CUSTODY,
 * FIRMA_E_SYSTEM. */
int firma_custody_file(int fd, const char *name, mode_t forbidden, struct firma_error *err);

#endif
