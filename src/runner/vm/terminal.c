#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/vm/vm.h"

static bool is_same_terminal(int a, int b)
{
    struct stat one, other;
    return isatty(a) == 1 && isatty(b) == 1 && fstat(a, &one) == 0 && fstat(b, &other) == 0 &&
           one.st_rdev == other.st_rdev;
}

void firma_vm_terminal_look(struct firma_vm_terminal *terminal)
{
    struct winsize size = {0};
    *terminal = (struct firma_vm_terminal){.present = isatty(STDIN_FILENO) == 1 &&
                                                      isatty(STDOUT_FILENO) == 1 &&
                                                      tcgetpgrp(STDIN_FILENO) == getpgrp()};
    terminal->stderr_apart = terminal->present && !is_same_terminal(STDIN_FILENO, STDERR_FILENO);
    if (terminal->present && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
        terminal->rows = size.ws_row;
        terminal->columns = size.ws_col;
    }
}

int firma_vm_terminal_enter(struct firma_vm_terminal *terminal, struct firma_error *err)
{
    if (!terminal->present || terminal->raw)
        return 0;
    if (tcgetattr(STDIN_FILENO, &terminal->before) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "terminal");
    struct termios raw = terminal->before;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "terminal: raw mode");
    terminal->raw = true;
    return 0;
}

void firma_vm_terminal_leave(struct firma_vm_terminal *terminal)
{
    if (terminal->raw)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
    terminal->raw = false;
}

bool firma_vm_terminal_resized(struct firma_vm_terminal *terminal)
{
    struct winsize size = {0};
    if (!terminal->present || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 ||
        (size.ws_row == terminal->rows && size.ws_col == terminal->columns))
        return false;
    terminal->rows = size.ws_row;
    terminal->columns = size.ws_col;
    return true;
}
