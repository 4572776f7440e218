#include "launcher/status.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int firma_status_check(int fd, struct firma_error *err)
{
    if (fd >= 0 && fd <= 2)
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "--status-fd %d: is the command's own; use 3 or more", fd);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return firma_fail(err, FIRMA_E_CONFIG, errno, "--status-fd %d", fd);
    return 0;
}

/* A pipe that polls writable takes PIPE_BUF bytes at once; our lines are shorter but for a proof
 * with very long paths, which may wait for its reader. */
static void emit(int fd, json_t *line)
{
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    if (text != NULL && fd >= 0 && poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT)) {
        size_t length = strlen(text);
        text[length] = '\n';
        ssize_t ignored = write(fd, text, length + 1);
        (void)ignored;
    }
    free(text);
    json_decref(line);
}

void firma_status_proof(int fd, const char *sandbox_id, const char *runtime_dir, const char *proof)
{
    emit(fd, json_pack("{s:s, s:s, s:s, s:o*}", "event", "proof", "sandbox_id", sandbox_id,
                       "runtime_dir", runtime_dir, "proof", json_loads(proof, 0, NULL)));
}

void firma_status_started(int fd, pid_t runner)
{
    emit(fd, json_pack("{s:s, s:i}", "event", "started", "pid", (int)runner));
}

void firma_status_exited(int fd, const struct firma_exit *end)
{
    const char *by = end->by_launcher ? "launcher" : "command";
    if (end->signal != 0)
        emit(fd, json_pack("{s:s, s:i, s:s, s:b}", "event", "exited", "signal", end->signal, "by",
                           by, "escalated", end->escalated));
    else
        emit(fd, json_pack("{s:s, s:i, s:s}", "event", "exited", "code", end->code, "by", by));
}

/* A message may name a path that is not UTF-8, which JSON cannot carry. */
static json_t *text_or_nothing(const char *text)
{
    json_t *string = json_string(text);
    return string != NULL ? string : json_string("(not UTF-8)");
}

void firma_status_failed(int fd, const struct firma_error *err)
{
    bool interrupted = err->code == FIRMA_E_INTERRUPTED;
    emit(fd,
         json_pack("{s:s, s:i, s:s, s:s, s:o}", "event", "exited", interrupted ? "signal" : "code",
                   interrupted ? err->errnum : FIRMA_EXIT_OWN_FAILURE, "by", "launcher", "error",
                   firma_error_name(err->code), "message", text_or_nothing(err->text)));
}
