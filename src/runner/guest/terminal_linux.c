#include "runner/guest/terminal_linux.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

/* A shell's job may have the foreground, so that is who gets it back; the command's group if that
 * one is gone. */
static void move_foreground(struct firma_guest_terminal *terminal, bool to_guest, pid_t command)
{
    if (!to_guest) {
        pid_t group = tcgetpgrp(terminal->fd);
        terminal->group = group == getpgrp() ? terminal->group : group;
        (void)tcsetpgrp(terminal->fd, getpgrp());
    } else if (terminal->group <= 0 || tcsetpgrp(terminal->fd, terminal->group) < 0) {
        (void)tcsetpgrp(terminal->fd, command);
    }
}

/* Only what was taken is given back: a program may have turned it off itself. */
static void move_lines(struct firma_guest_terminal *terminal, bool to_guest)
{
    struct termios mode;
    if (to_guest == !terminal->lines_taken || tcgetattr(terminal->fd, &mode) < 0)
        return;
    bool change = to_guest || (mode.c_oflag & OPOST) != 0;
    mode.c_oflag = to_guest ? mode.c_oflag | OPOST : mode.c_oflag & ~(tcflag_t)OPOST;
    if (change && tcsetattr(terminal->fd, TCSANOW, &mode) == 0)
        terminal->lines_taken = !to_guest;
}

void firma_guest_terminal_obey(struct firma_guest_terminal *terminal, int value, pid_t command)
{
    if (terminal->fd < 0)
        return;
    move_lines(terminal, (value & FIRMA_TERMINAL_LINES) != 0);
    if (command > 0)
        move_foreground(terminal, (value & FIRMA_TERMINAL_FOREGROUND) != 0, command);
}

/* poll(2) on a terminal ends with the work of its input queue done (Linux, n_tty_poll). */
void firma_guest_terminal_settle(const struct firma_guest_terminal *terminal)
{
    struct pollfd polled = {.fd = terminal->fd, .events = POLLIN};
    if (terminal->fd >= 0)
        (void)poll(&polled, 1, 0);
}
