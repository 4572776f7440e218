/* tech_program.c - a program of the guest's own, run as its user would run it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

enum { LINE_BYTES = 4096, OUTPUT_BYTES = 400, PROGRAM_WORDS = 64 };

static void run_words(char *text)
{
    char *argv[PROGRAM_WORDS], *rest = NULL;
    size_t count = 0;
    for (char *word = strtok_r(text, " ", &rest); word != NULL && count < PROGRAM_WORDS - 1;
         word = strtok_r(NULL, " ", &rest))
        argv[count++] = word;
    argv[count] = NULL;
    if (count > 0)
        execvp(argv[0], argv);
}

_Noreturn static void run_program(const struct probe_step *step, int output)
{
    char text[LINE_BYTES];
    const char *line = probe_param(step, "line", NULL);
    dup2(output, 1);
    dup2(output, 2);
    signal(SIGPIPE, SIG_DFL);
    if (line != NULL) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    } else {
        strcpy(text, probe_param(step, "cmd", ""));
        run_words(text);
    }
    _exit(errno == ENOENT ? 127 : 126);
}

static size_t collect(const struct probe_step *step, int fd, char *data, size_t size)
{
    char sink[512];
    size_t used = 0;
    while (probe_readable(fd, probe_left(step, 1))) {
        ssize_t got = read(fd, sink, sizeof sink);
        if (got <= 0)
            return used;
        size_t kept = used + (size_t)got > size ? size - used : (size_t)got;
        memcpy(data + used, sink, kept);
        used += kept;
    }
    return used;
}

/* Whether CODE stands in the list exits=N,N: the statuses by which a program says that it did not
 * get through. Without a list, any says so. */
static bool is_refusal(const struct probe_step *step, int code)
{
    const char *at = probe_param(step, "exits", NULL);
    if (at == NULL)
        return true;
    for (char *end; *at != '\0'; at = *end == ',' ? end + 1 : end) {
        long listed = strtol(at, &end, 10);
        if (end == at)
            return false;
        if (listed == code)
            return true;
    }
    return false;
}

/* A program that is missing, or that failed for a reason of its own, has tried nothing. */
static void note_end(const struct probe_step *step, int status, const char *output,
                     struct probe_outcome *out)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code == 127)
        probe_try(out, PROBE_ERROR, ENOENT, "no such command: %s", output);
    else if (code == 0)
        probe_try(out, PROBE_ANSWERED, 0, "exit 0: %s", output);
    else if (is_refusal(step, code))
        probe_try(out, PROBE_REFUSED, 0, "exit %d: %s", code, output);
    else
        probe_try(out, PROBE_ERROR, 0, "not a network's exit status: %d: %s", code, output);
}

void probe_tech_exec(const struct probe_step *step, struct probe_outcome *out)
{
    char output[OUTPUT_BYTES + 1];
    int fds[2], status = 0;
    const char *command = probe_param(step, "cmd", probe_param(step, "line", NULL));
    if (command == NULL || strlen(command) >= LINE_BYTES || pipe(fds) != 0) {
        probe_try(out, PROBE_ERROR, EINVAL, "needs cmd=WORDS or line=LINE");
        return;
    }
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0)
        run_program(step, fds[1]);
    close(fds[1]);
    size_t length = collect(step, fds[0], output, OUTPUT_BYTES);
    close(fds[0]);
    output[length] = '\0';
    if (pid > 0 && waitpid(pid, &status, 0) == pid)
        note_end(step, status, output, out);
    else
        probe_try_errno(out, errno, "fork");
}
