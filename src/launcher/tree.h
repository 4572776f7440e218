/*
 * tree.h - ending everything that descends from this process.
 *
 * On Linux (tree_linux.c) the caller becomes a child subreaper, so nothing it started can leave its
 * tree by forking twice or by setsid(2), and everything is killed and reaped until no child is
 * left. Elsewhere (tree_portable.c) the runner's process group is all that can be addressed: a
 * descendant that left the group is a declared residual.
 */
#ifndef FIRMA_TREE_H
#define FIRMA_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/* Makes orphaned descendants ours, where the system can. 0, or -1 and errno. */
int firma_tree_adopt(void);

/* For a child just forked by PARENT: it shall die with PARENT, where the system can. False if the
 * parent is gone already. */
bool firma_tree_bind_to(pid_t parent);

/* Kills and reaps every descendant; SIGCHLD must be blocked. GROUP is the process group of the
 * runner's own, or 0 if it has none. False if something was left after ten seconds: it could not be
 * killed, or the process list could not be read. */
bool firma_tree_end(pid_t group);

#endif
