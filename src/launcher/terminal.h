/*
 * terminal.h - who owns the terminal while the runner runs.
 *
 * Three cases (credentials(7), tcsetpgrp(3)):
 *   FIRMA_GROUP_OWN         no controlling terminal: the runner leads a group of its own, and only
 *                           what we forward reaches it.
 *   FIRMA_GROUP_FOREGROUND  stdin and stdout are the controlling terminal, and our group is its
 *                           foreground group with no other member: the runner's group takes our
 *                           place, so a typed Ctrl-C reaches it once, from the kernel, and not us.
 *   FIRMA_GROUP_SHARED      any other case on a terminal (a pipeline, a script, the background):
 *                           the runner joins our group, and what the kernel sent has arrived there
 *                           already.
 */
#ifndef FIRMA_TERMINAL_H
#define FIRMA_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

#include "firma_run.h"

enum firma_group { FIRMA_GROUP_OWN, FIRMA_GROUP_FOREGROUND, FIRMA_GROUP_SHARED };

struct firma_terminal {
    int fd; /* the controlling terminal, CLOEXEC; -1 without one */
    enum firma_group group;
    pid_t launcher_group;
    bool has_mode; /* `mode` was read: we were alone in the foreground */
    struct termios mode;
};

/* Looks at descriptors 0-2 and the controlling terminal. Doubt about the group means SHARED. A
 * terminal that is there and cannot be had is FIRMA_E_SYSTEM: a runner in a group of its own would
 * be stopped by it. */
int firma_terminal_open(struct firma_terminal *out, struct firma_error *err);

/* Is our own group in the foreground? */
bool firma_terminal_is_ours(const struct firma_terminal *terminal);

/* Gives the terminal to GROUP (FOREGROUND case; else nothing). Safe while TTOU is blocked. */
void firma_terminal_give(const struct firma_terminal *terminal, pid_t group);

/* Puts the recorded mode back and, in the FOREGROUND case, takes the terminal for our group again:
 * only as long as it still belongs to us or to RUNNER_GROUP, because a shell that took it meanwhile
 * has a mode of its own. */
void firma_terminal_restore(const struct firma_terminal *terminal, pid_t runner_group);

void firma_terminal_close(struct firma_terminal *terminal);

/* Has process group GROUP a member besides process SELF? True when it cannot be told. */
bool firma_group_has_others(pid_t group, pid_t self);

#endif
