#include "launcher/status.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contract/json_memory.h"

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
static void emit(int fd, const char *line, size_t length)
{
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    if (fd >= 0 && poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT)) {
        ssize_t ignored = write(fd, line, length);
        (void)ignored;
    }
}

/* Steals OBJECT. -1: there is no memory for it. */
static int emit_object(int fd, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL || firma_json_starved()) {
        free(text);
        return -1;
    }
    size_t length = strlen(text);
    text[length] = '\n';
    emit(fd, text, length + 1);
    free(text);
    return 0;
}

/* Without memory: how a launch ended is told when there is none, too. */
static void emit_text(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void emit_text(int fd, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length > 0 && (size_t)length < sizeof line)
        emit(fd, line, (size_t)length);
}

int firma_status_proof(int fd, const char *sandbox_id, const char *runtime_dir, const char *proof,
                       struct firma_error *err)
{
    firma_json_watch();
    json_t *read = json_loads(proof, 0, NULL);
    if (read == NULL ||
        emit_object(fd, json_pack("{s:s, s:s, s:s, s:o}", "event", "proof", "sandbox_id",
                                  sandbox_id, "runtime_dir", runtime_dir, "proof", read)) < 0)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "status of the proof");
    return 0;
}

void firma_status_started(int fd, pid_t runner)
{
    emit_text(fd, "{\"event\":\"started\",\"pid\":%ld}\n", (long)runner);
}

void firma_status_exited(int fd, const struct firma_exit *end)
{
    const char *by = end->by_launcher ? "launcher" : "command";
    if (end->signal != 0)
        emit_text(fd, "{\"event\":\"exited\",\"signal\":%d,\"by\":\"%s\",\"escalated\":%s}\n",
                  end->signal, by, end->escalated ? "true" : "false");
    else
        emit_text(fd, "{\"event\":\"exited\",\"code\":%d,\"by\":\"%s\"}\n", end->code, by);
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
    const char *how = interrupted ? "signal" : "code", *by = "launcher";
    int number = interrupted ? err->errnum : FIRMA_EXIT_OWN_FAILURE;
    const char *error = firma_error_name(err->code);
    firma_json_watch();
    if (emit_object(fd, json_pack("{s:s, s:i, s:s, s:s, s:o}", "event", "exited", how, number, "by",
                                  by, "error", error, "message", text_or_nothing(err->text))) < 0)
        emit_text(fd, "{\"event\":\"exited\",\"%s\":%d,\"by\":\"%s\",\"error\":\"%s\"}\n", how,
                  number, by, error);
}
