/*
 * terminal_linux.h - a guest's own terminal, which stands for the caller's.
 *
 * It does what the caller's does at that moment: a command that reads in the background is stopped,
 * and a line's end is made a terminal's once, by one of the two. Pid 1 leads its session.
 */
#ifndef FIRMA_GUEST_TERMINAL_H
#define FIRMA_GUEST_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

/* What a runner says about it, or-ed. */
enum {
    FIRMA_TERMINAL_FOREGROUND = 1, /* the command may read it */
    FIRMA_TERMINAL_LINES = 2       /* OPOST is this terminal's to do, not the caller's */
};

struct firma_guest_terminal {
    int fd;           /* -1: the guest has none */
    pid_t group;      /* who had the foreground when it was taken away; 0: nobody */
    bool lines_taken; /* OPOST was on, and is not now */
};

/* Moves the foreground (COMMAND, 0 before there is one, leads a group) and OPOST as VALUE says. All
 * signals must be blocked. */
void firma_guest_terminal_obey(struct firma_guest_terminal *terminal, int value, pid_t command);

/* Waits until all that was typed so far has been taken in and echoed: the kernel does that beside
 * sending the signal that a key stands for. */
void firma_guest_terminal_settle(const struct firma_guest_terminal *terminal);

#endif
