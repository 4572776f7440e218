#include "scenarios/process.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int stream_open(struct cf_stream *stream, int fd)
{
    memset(stream, 0, sizeof *stream);
    stream->fd = fd;
    stream->data = malloc(CF_STREAM_KEPT + 1);
    stream->hash = EVP_MD_CTX_new();
    if (stream->data == NULL || stream->hash == NULL ||
        EVP_DigestInit_ex(stream->hash, EVP_sha256(), NULL) != 1)
        return -1;
    stream->data[0] = '\0';
    return 0;
}

static void stream_close(struct cf_stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

static void stream_read(struct cf_stream *stream)
{
    unsigned char buffer[65536];
    ssize_t got = read(stream->fd, buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) { /* end of file; EIO is a pseudo-terminal's */
        stream_close(stream);
        return;
    }
    EVP_DigestUpdate(stream->hash, buffer, (size_t)got);
    size_t room = CF_STREAM_KEPT - stream->kept;
    size_t keep = (size_t)got < room ? (size_t)got : room;
    memcpy(stream->data + stream->kept, buffer, keep);
    stream->kept += keep;
    stream->data[stream->kept] = '\0';
    stream->total += (uint64_t)got;
}

static void stream_finish(struct cf_stream *stream)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(stream->hash, digest, NULL);
    for (int i = 0; i < 32; i++)
        snprintf(stream->sha256 + 2 * i, 3, "%02x", digest[i]);
}

/* The descriptors of one start: [0] the child's ends, [1] the harness's. */
struct ends {
    int child[3], ours[3];
};

static void ends_close(struct ends *ends)
{
    for (int i = 0; i < 3; i++) {
        if (ends->child[i] >= 0)
            close(ends->child[i]);
        if (ends->ours[i] >= 0)
            close(ends->ours[i]);
    }
}

static int ends_pipes(struct ends *ends, struct cf_error *err)
{
    for (int i = 0; i < 3; i++) {
        int fds[2];
        if (pipe2(fds, O_CLOEXEC) != 0)
            return cf_fail(err, CF_E_SYSTEM, errno, "pipe");
        ends->child[i] = fds[i == 0 ? 0 : 1];
        ends->ours[i] = fds[i == 0 ? 1 : 0];
        fcntl(ends->ours[i], F_SETFL, fcntl(ends->ours[i], F_GETFL) | O_NONBLOCK);
    }
    return 0;
}

/* One terminal for all three descriptors; its master serves as input and as output. */
static int ends_terminal(struct ends *ends, struct cf_error *err)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        if (master >= 0)
            close(master);
        return cf_fail(err, CF_E_SYSTEM, errno, "pseudo-terminal");
    }
    char name[128];
    if (ptsname_r(master, name, sizeof name) != 0)
        name[0] = '\0';
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) {
        close(master);
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", name);
    }
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    ioctl(slave, TIOCSWINSZ, &size);
    fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
    ends->ours[0] = master;
    ends->ours[1] = fcntl(master, F_DUPFD_CLOEXEC, 3);
    ends->child[0] = slave;
    ends->child[1] = fcntl(slave, F_DUPFD_CLOEXEC, 3);
    ends->child[2] = fcntl(slave, F_DUPFD_CLOEXEC, 3);
    return 0;
}

int cf_process_start(struct cf_process *process, struct cf_lab *lab,
                     const struct cf_process_config *config, struct cf_error *err)
{
    struct ends ends = {{-1, -1, -1}, {-1, -1, -1}};
    memset(process, 0, sizeof *process);
    process->exit_fd = process->input = process->out.fd = process->err.fd = -1;
    int failed = config->terminal ? ends_terminal(&ends, err) : ends_pipes(&ends, err);
    if (failed != 0) {
        ends_close(&ends);
        return failed;
    }
    struct cf_command command = {.argv = config->argv,
                                 .envp = config->envp,
                                 .cwd = config->cwd,
                                 .fds = {ends.child[0], ends.child[1], ends.child[2]},
                                 .extra_fd = config->extra_fd,
                                 .new_session = config->terminal,
                                 .second_user = config->second_user,
                                 .no_capabilities = config->no_capabilities};
    process->started = cf_now();
    failed = cf_lab_spawn(lab, &command, &process->pid, err);
    if (failed != 0) {
        ends_close(&ends);
        return failed;
    }
    for (int i = 0; i < 3; i++)
        close(ends.child[i]);
    process->input = ends.ours[0];
    process->exit_fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (stream_open(&process->out, ends.ours[1]) != 0 ||
        stream_open(&process->err, ends.ours[2]) != 0 || process->exit_fd < 0) {
        cf_process_release(process);
        return cf_fail(err, CF_E_SYSTEM, errno, "watching %s", config->argv[0]);
    }
    return 0;
}

static void reap(struct cf_process *process)
{
    if (waitpid(process->pid, &process->status, 0) == process->pid) {
        process->ended = true;
        process->stopped = cf_now();
    }
    close(process->exit_fd);
    process->exit_fd = -1;
}

static int remaining(uint64_t deadline)
{
    uint64_t now = cf_now();
    return now >= deadline ? 0 : (int)((deadline - now) / 1000000u) + 1;
}

/* One poll over everything; WANT_WRITE adds the input. Returns false when the deadline has passed
 * or nothing is left to wait for; *WRITABLE tells about the input. */
static bool pump(struct cf_process *process, uint64_t deadline, bool want_write, bool *writable)
{
    struct pollfd fds[4] = {
        {.fd = process->out.fd, .events = POLLIN},
        {.fd = process->err.fd, .events = POLLIN},
        {.fd = process->exit_fd, .events = POLLIN},
        {.fd = want_write ? process->input : -1, .events = POLLOUT},
    };
    bool idle = fds[0].fd < 0 && fds[1].fd < 0 && fds[2].fd < 0;
    int wait = remaining(deadline);
    if (idle || wait == 0 || poll(fds, 4, wait) == 0)
        return false;
    if (fds[0].revents != 0)
        stream_read(&process->out);
    if (fds[1].revents != 0)
        stream_read(&process->err);
    if (fds[2].revents != 0)
        reap(process);
    if (writable != NULL)
        *writable = (fds[3].revents & (POLLOUT | POLLERR | POLLHUP)) != 0;
    return true;
}

static uint64_t deadline_in(unsigned milliseconds)
{
    return cf_now() + (uint64_t)milliseconds * 1000000u;
}

bool cf_process_await(struct cf_process *process, const char *text, unsigned deadline_ms)
{
    uint64_t deadline = deadline_in(deadline_ms);
    struct cf_stream *out = &process->out;
    for (;;) {
        unsigned char *found =
            memmem(out->data + out->looked, out->kept - out->looked, text, strlen(text));
        if (found != NULL) {
            out->looked = (size_t)(found - out->data) + strlen(text);
            return true;
        }
        if (!pump(process, deadline, false, NULL))
            return false;
    }
}

void cf_process_hold(struct cf_process *process, unsigned ms)
{
    uint64_t deadline = deadline_in(ms);
    while (pump(process, deadline, false, NULL)) {
    }
}

bool cf_process_write(struct cf_process *process, const void *data, size_t length,
                      unsigned deadline_ms)
{
    uint64_t deadline = deadline_in(deadline_ms);
    const unsigned char *at = data;
    while (length > 0 && process->input >= 0) {
        bool writable = false;
        if (!pump(process, deadline, true, &writable))
            return false;
        if (!writable)
            continue;
        ssize_t sent = write(process->input, at, length);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        }
    }
    return length == 0;
}

void cf_process_close_input(struct cf_process *process)
{
    if (process->input >= 0)
        close(process->input);
    process->input = -1;
}

void cf_process_finish(struct cf_process *process, struct cf_lab *lab, unsigned deadline_ms)
{
    uint64_t deadline = deadline_in(deadline_ms);
    while (pump(process, deadline, false, NULL)) {
        /* Whoever still holds a stream after the end gets a second, not the whole bound. */
        if (process->ended && deadline > process->stopped + 1000000000u)
            deadline = process->stopped + 1000000000u;
    }
    process->held_open = process->ended && (process->out.fd >= 0 || process->err.fd >= 0);
    if (process->exit_fd >= 0) {
        process->timed_out = true;
        kill(process->pid, SIGKILL);
        cf_lab_clear(lab);
        reap(process);
    }
    stream_close(&process->out);
    stream_close(&process->err);
    stream_finish(&process->out);
    stream_finish(&process->err);
}

int cf_process_code(const struct cf_process *process)
{
    if (!process->ended || process->timed_out)
        return -1;
    return WIFEXITED(process->status) ? WEXITSTATUS(process->status)
                                      : 128 + WTERMSIG(process->status);
}

static void stream_release(struct cf_stream *stream)
{
    stream_close(stream);
    free(stream->data);
    EVP_MD_CTX_free(stream->hash);
    stream->data = NULL;
    stream->hash = NULL;
}

void cf_process_release(struct cf_process *process)
{
    if (process->exit_fd >= 0) {
        kill(process->pid, SIGKILL);
        reap(process);
    }
    cf_process_close_input(process);
    stream_release(&process->out);
    stream_release(&process->err);
}
