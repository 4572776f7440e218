#include "scenarios/process.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
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

/* Ours out of ENDS, which keeps the child's. */
static int take_ends(struct cf_process *process, struct cf_ends *ends)
{
    int out = ends->ours[1], err = ends->ours[2];
    process->input = ends->ours[0];
    process->terminal = ends->master;
    memcpy(process->files, ends->files, sizeof process->files);
    for (int i = 0; i < 3; i++)
        ends->ours[i] = ends->files[i] = -1;
    ends->master = -1;
    /* Both, whatever comes of the first: a stream owns its descriptor from here on. */
    int failed = stream_open(&process->out, out);
    return stream_open(&process->err, err) != 0 ? -1 : failed;
}

static bool has_terminal(const struct cf_process_config *config)
{
    for (int i = 0; i < 3; i++)
        if (config->ends[i] == CF_END_TERMINAL)
            return true;
    return false;
}

int cf_process_start(struct cf_process *process, struct cf_lab *lab,
                     const struct cf_process_config *config, struct cf_error *err)
{
    struct cf_ends ends;
    memset(process, 0, sizeof *process);
    process->exit_fd = process->input = process->out.fd = process->err.fd = process->terminal = -1;
    int failed = cf_ends_open(&ends, config->ends, err);
    if (failed != 0)
        return failed;
    struct cf_command command = {.argv = config->argv,
                                 .envp = config->envp,
                                 .cwd = config->cwd,
                                 .fds = {ends.child[0], ends.child[1], ends.child[2]},
                                 .extra_fd = config->extra_fd,
                                 .new_session = has_terminal(config),
                                 .second_user = config->second_user,
                                 .no_capabilities = config->no_capabilities,
                                 .may_chown = config->may_chown};
    for (int i = 0; i < 3; i++)
        command.closed[i] = config->ends[i] == CF_END_CLOSED;
    process->started = cf_now();
    failed = cf_lab_spawn(lab, &command, &process->pid, err);
    if (failed == 0) {
        process->exit_fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
        if (take_ends(process, &ends) != 0 || process->exit_fd < 0) {
            failed = cf_fail(err, CF_E_SYSTEM, errno, "watching %s", config->argv[0]);
            cf_process_release(process);
        }
    }
    cf_ends_close(&ends);
    return failed;
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
        {.fd = process->deaf ? -1 : process->out.fd, .events = POLLIN},
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

bool cf_process_hang_up(struct cf_process *process)
{
    bool had = process->terminal >= 0;
    cf_process_close_input(process);
    stream_close(&process->out);
    stream_close(&process->err);
    if (had)
        close(process->terminal);
    process->terminal = -1;
    return had;
}

void cf_process_shut(struct cf_process *process)
{
    stream_close(&process->out);
}

/* A stop makes no descriptor readable: SIGCHLD is awaited instead, blocked meanwhile so that none
 * is missed between the look and the wait. */
bool cf_process_await_stop(struct cf_process *process, unsigned deadline_ms)
{
    uint64_t deadline = deadline_in(deadline_ms);
    siginfo_t info = {0};
    sigset_t child, before;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    while (!process->ended && info.si_pid == 0 &&
           waitid(P_PID, (id_t)process->pid, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0 && remaining(deadline) > 0) {
        const struct timespec wait = {remaining(deadline) / 1000,
                                      remaining(deadline) % 1000 * 1000000L};
        sigtimedwait(&child, NULL, &wait);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return info.si_pid != 0 && info.si_code == CLD_STOPPED;
}

/* What ended up in a file instead of coming through a stream; all of it, from the beginning. */
static void read_back(struct cf_stream *stream, int *file)
{
    if (*file < 0)
        return;
    lseek(*file, 0, SEEK_SET);
    stream->fd = *file;
    *file = -1;
    while (stream->fd >= 0)
        stream_read(stream);
}

void cf_process_finish(struct cf_process *process, struct cf_lab *lab, unsigned deadline_ms)
{
    uint64_t deadline = deadline_in(deadline_ms);
    process->deaf = false;
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
    read_back(&process->out, &process->files[1]);
    read_back(&process->err, &process->files[2]);
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
    for (int i = 0; i < 3; i++)
        if (process->files[i] > 0)
            close(process->files[i]);
    if (process->terminal >= 0)
        close(process->terminal);
    stream_release(&process->out);
    stream_release(&process->err);
}
