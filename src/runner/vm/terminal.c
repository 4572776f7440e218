#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/vm/vm.h"

static bool is_same_terminal(int a, int b)
{
    struct stat one, other;
    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_rdev == other.st_rdev;
}

/* A terminal that controls nobody here stops nobody either. */
static bool is_foreground(const struct firma_vm_terminal *terminal)
{
    pid_t group = tcgetpgrp(terminal->lead);
    return group < 0 ? errno == ENOTTY : group == getpgrp();
}

void firma_vm_terminal_look(struct firma_vm_terminal *terminal)
{
    *terminal = (struct firma_vm_terminal){.lead = -1};
    for (int i = 0; i <= 2; i++) {
        if (isatty(i) != 1 || (terminal->lead >= 0 && !is_same_terminal(terminal->lead, i)))
            continue;
        terminal->descriptors |= (uint8_t)(1u << i);
        terminal->lead = terminal->lead < 0 ? i : terminal->lead;
    }
    (void)firma_vm_terminal_moved(terminal);
    (void)firma_vm_terminal_resized(terminal);
}

bool firma_vm_terminal_moved(struct firma_vm_terminal *terminal)
{
    bool before = terminal->foreground;
    terminal->foreground = terminal->descriptors != 0 && is_foreground(terminal);
    return terminal->foreground != before;
}

bool firma_vm_terminal_has_keys(const struct firma_vm_terminal *terminal)
{
    return (terminal->descriptors & 1u << STDIN_FILENO) != 0;
}

/* Where others may be writing too, that is behind a pipe or in the background, the caller's
 * terminal goes on ending the lines. */
static bool ends_lines_inside(const struct firma_vm_terminal *terminal)
{
    return terminal->foreground && firma_vm_terminal_has_keys(terminal) &&
           (terminal->descriptors & 1u << STDOUT_FILENO) != 0;
}

int firma_vm_terminal_duties(const struct firma_vm_terminal *terminal)
{
    return (terminal->foreground ? FIRMA_TERMINAL_FOREGROUND : 0) |
           (ends_lines_inside(terminal) ? FIRMA_TERMINAL_LINES : 0);
}

int firma_vm_terminal_enter(struct firma_vm_terminal *terminal, struct firma_error *err)
{
    if (!firma_vm_terminal_has_keys(terminal) || !terminal->foreground || terminal->raw)
        return 0;
    if (tcgetattr(terminal->lead, &terminal->before) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "terminal");
    struct termios raw = terminal->before;
    cfmakeraw(&raw);
    if (!ends_lines_inside(terminal))
        raw.c_oflag |= terminal->before.c_oflag & OPOST;
    if (tcsetattr(terminal->lead, TCSADRAIN, &raw) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "terminal: raw mode");
    terminal->raw = true;
    return 0;
}

/* In the background the mode is somebody else's by now. */
void firma_vm_terminal_leave(struct firma_vm_terminal *terminal)
{
    if (terminal->raw && is_foreground(terminal))
        (void)tcsetattr(terminal->lead, TCSADRAIN, &terminal->before);
    terminal->raw = false;
}

bool firma_vm_terminal_resized(struct firma_vm_terminal *terminal)
{
    struct winsize size = {0};
    if (terminal->descriptors == 0 || ioctl(terminal->lead, TIOCGWINSZ, &size) < 0 ||
        (size.ws_row == terminal->rows && size.ws_col == terminal->columns))
        return false;
    terminal->rows = size.ws_row;
    terminal->columns = size.ws_col;
    return true;
}
