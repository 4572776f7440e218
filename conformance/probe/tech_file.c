/* tech_file.c - files and the terminal: what the guest can change or read outside itself. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "techniques.h"

static void write_once(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        probe_try_errno(out, errno, "open %s", path);
    else if (!probe_write(fd, step->nonce, PROBE_NONCE))
        probe_try_errno(out, errno, "write %s", path);
    else
        probe_try(out, PROBE_SENT, 0, "wrote %s", path);
    if (fd >= 0)
        close(fd);
}

void probe_tech_write_file(const struct probe_step *step, struct probe_outcome *out)
{
    const char *path = probe_param(step, "path", NULL);
    if (path == NULL) {
        probe_try(out, PROBE_ERROR, EINVAL, "needs path=");
        return;
    }
    write_once(step, path, out);
    if (out->result >= PROBE_SENT)
        return;
    /* Refused as it stands: a guest with privileges of its own would lift the bar first. */
    probe_remount(probe_param(step, "mount", path), out);
    write_once(step, path, out);
}

void probe_tech_read_file(const struct probe_step *step, struct probe_outcome *out)
{
    char content[512];
    const char *path = probe_param(step, "path", "");
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, content, sizeof content - 1);
    if (got < 0) {
        probe_try_errno(out, errno, "read %s", path);
    } else {
        content[got] = '\0';
        probe_try(out, PROBE_ANSWERED, 0, "%zd bytes: %s", got, content);
    }
    if (fd >= 0)
        close(fd);
}

void probe_tech_tiocsti(const struct probe_step *step, struct probe_outcome *out)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        probe_try_errno(out, errno, "controlling terminal");
        return;
    }
    size_t pushed = 0;
    while (pushed < PROBE_NONCE && ioctl(fd, TIOCSTI, step->nonce + pushed) == 0)
        pushed++;
    if (pushed == PROBE_NONCE)
        probe_try(out, PROBE_SENT, 0, "pushed the nonce into the terminal");
    else
        probe_try_errno(out, errno, "TIOCSTI after %zu characters", pushed);
    close(fd);
}
