#include "launcher/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* tcgetpgrp(3) succeeds on the controlling terminal alone. */
static bool is_controlling(int fd)
{
    return tcgetpgrp(fd) >= 0;
}

/* -1 in OUT if there is none; FIRMA_E_SYSTEM if there is one and we cannot have it. */
static int find_terminal(int *out, struct firma_error *err)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (!is_controlling(fd))
            continue;
        *out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return *out >= 0 ? 0 : firma_fail(err, FIRMA_E_SYSTEM, errno, "terminal");
    }
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && !is_controlling(fd)) {
        close(fd);
        fd = -1;
    }
    *out = fd;
    return 0;
}

static enum firma_group choose_group(const struct firma_terminal *terminal, bool alone)
{
    if (terminal->fd < 0)
        return FIRMA_GROUP_OWN;
    if (alone && is_controlling(STDIN_FILENO) && is_controlling(STDOUT_FILENO))
        return FIRMA_GROUP_FOREGROUND;
    return FIRMA_GROUP_SHARED;
}

/* With others in our group the terminal's mode is not ours to put back: in `firma-run … | less` it
 * is the pager's by then. */
int firma_terminal_open(struct firma_terminal *out, struct firma_error *err)
{
    *out = (struct firma_terminal){.fd = -1, .launcher_group = getpgrp()};
    int result = find_terminal(&out->fd, err);
    if (result < 0)
        return result;
    bool alone =
        firma_terminal_is_ours(out) && !firma_group_has_others(out->launcher_group, getpid());
    out->group = choose_group(out, alone);
    out->has_mode = alone && tcgetattr(out->fd, &out->mode) == 0;
    return 0;
}

bool firma_terminal_is_ours(const struct firma_terminal *terminal)
{
    return terminal->fd >= 0 && tcgetpgrp(terminal->fd) == terminal->launcher_group;
}

void firma_terminal_give(const struct firma_terminal *terminal, pid_t group)
{
    if (terminal->group == FIRMA_GROUP_FOREGROUND && group > 0)
        tcsetpgrp(terminal->fd, group);
}

/* Nobody is left in it. With the terminal it can only be one of ours, that ended before we heard
 * its number. */
static bool is_empty(pid_t group)
{
    return kill(-group, 0) < 0 && errno == ESRCH;
}

void firma_terminal_restore(const struct firma_terminal *terminal, pid_t runner_group)
{
    if (terminal->fd < 0)
        return;
    /* Each once more if it fails: nobody else will. */
    pid_t holder = tcgetpgrp(terminal->fd);
    if (holder < 0)
        holder = tcgetpgrp(terminal->fd);
    if (holder < 0 || (holder != terminal->launcher_group && holder != runner_group &&
                       !(holder > 0 && is_empty(holder))))
        return;
    if (terminal->has_mode && tcsetattr(terminal->fd, TCSANOW, &terminal->mode) < 0)
        tcsetattr(terminal->fd, TCSANOW, &terminal->mode);
    firma_terminal_give(terminal, terminal->launcher_group);
    if (tcgetpgrp(terminal->fd) != terminal->launcher_group)
        firma_terminal_give(terminal, terminal->launcher_group);
}

void firma_terminal_close(struct firma_terminal *terminal)
{
    if (terminal->fd >= 0)
        close(terminal->fd);
    terminal->fd = -1;
}
