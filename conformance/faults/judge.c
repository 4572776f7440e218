/*
 * judge.c - whether what came of a launch may come of it. Pure: from texts to a verdict.
 *
 * Right is one thing: the command ran to its end, confined as ever, and its exit status came back.
 * Refused: it never ran, and that was said. Ended: it had begun when something broke, and what is
 * left says so by its status. Everything else is wrong.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

enum { OWN_FAILURE = 125, MISSING = 127, BY_SIGNAL = 128 };

static const char *const outcomes[] = {"right", "refused", "ended", "not reached", "WRONG"};

const char *fault_outcome_name(enum fault_outcome outcome)
{
    return outcomes[outcome];
}

static enum fault_outcome wrong(char why[512], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, 512, format, args);
    va_end(args);
    return FAULT_WRONG;
}

static size_t line_length(const char *text)
{
    return strcspn(text, "\n");
}

/* Numbers of namespaces and times differ by right. */
static size_t constant_length(const char *line)
{
    if (strncmp(line, "began ", 6) == 0)
        return 6;
    if (strncmp(line, "namespace ", 10) == 0)
        return strcspn(line, "[\n");
    return line_length(line);
}

/* Nothing came back, or the bridge's own word that nobody is behind it. */
static bool is_silenced(const char *line)
{
    const char *answer = line + strcspn(line, ":\n");
    return strncmp(line, "traffic ", 8) == 0 &&
           (strncmp(answer, ": \n", 3) == 0 || strncmp(answer, ": HTTP/1.1 50", 13) == 0);
}

/* The first line of REPORT that is not as in REFERENCE; NULL if all are. */
static const char *first_difference(const char *report, const char *reference, bool no_traffic)
{
    while (*report != '\0' || *reference != '\0') {
        size_t length = constant_length(report);
        bool same = length == constant_length(reference) && strncmp(report, reference, length) == 0;
        if (!same && !(no_traffic && is_silenced(report)))
            return report;
        report += line_length(report);
        reference += line_length(reference);
        report += *report == '\n';
        reference += *reference == '\n';
    }
    return NULL;
}

/* A namespace of the cell's that the command was in, too. */
static bool shares_namespace(const char *report)
{
    static const char *const names[] = {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"};
    char path[64], link[64], line[96];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        ssize_t length = readlink(path, link, sizeof link - 1);
        link[length < 0 ? 0 : length] = '\0';
        snprintf(line, sizeof line, "namespace %s\n", link);
        if (strstr(report, line) != NULL)
            return true;
    }
    return false;
}

static bool is_whole(const char *report)
{
    size_t length = strlen(report);
    return length >= 5 && strcmp(report + length - 5, "\nend\n") == 0;
}

/* The last event of this name on the status descriptor; NULL if there is none. New reference. */
static json_t *last_event(const char *status, const char *name)
{
    json_t *found = NULL;
    for (const char *at = status; *at != '\0';
         at += line_length(at) + (at[line_length(at)] == '\n')) {
        json_t *event = json_loadb(at, line_length(at), 0, NULL);
        const char *word = json_string_value(json_object_get(event, "event"));
        if (word == NULL || strcmp(word, name) != 0) {
            json_decref(event);
            continue;
        }
        json_decref(found);
        found = event;
    }
    return found;
}

static bool event_says(const char *status, int code, const char *by)
{
    json_t *event = last_event(status, "exited");
    const char *who = json_string_value(json_object_get(event, "by"));
    bool says = who != NULL && strcmp(who, by) == 0 &&
                json_integer_value(json_object_get(event, "code")) == code;
    json_decref(event);
    return says;
}

static enum fault_outcome judge_success(const struct fault_result *result,
                                        const struct fault_allowance *may, char why[512])
{
    if (!result->marked || !is_whole(result->report))
        return wrong(why, "exit %d, but the command did not run to its end", FAULT_EXIT);
    if (strstr(result->out, "a line for the command") == NULL && !may->mute)
        return wrong(why, "exit %d, but the command's output is lost", FAULT_EXIT);
    if (!may->mute && !event_says(result->status, FAULT_EXIT, "command"))
        return wrong(why, "the status descriptor does not say what the exit status says");
    return FAULT_RIGHT;
}

/* Before a runner was started the launcher has stderr, and may not know of a status descriptor yet;
 * later it has let stderr go to the command, and has that descriptor alone. */
static bool is_told(const struct fault_result *result, bool started)
{
    json_t *event = last_event(result->status, "exited");
    bool said = strstr(result->err, "firma-") != NULL || strstr(result->out, "firma-") != NULL;
    bool told = started ? event != NULL : said;
    json_decref(event);
    return told;
}

static bool is_odd(int code, const struct fault_allowance *may)
{
    bool own = code >= OWN_FAILURE && code <= MISSING;
    bool killed = code == BY_SIGNAL + SIGKILL;
    bool ended = may->may_wait && code == BY_SIGNAL + SIGTERM;
    bool unloaded = may->no_memory && code == BY_SIGNAL + SIGSEGV;
    return !(own || killed || ended || unloaded || (may->mute && code == BY_SIGNAL + SIGPIPE));
}

static enum fault_outcome judge_failure(const struct fault_result *result, int code,
                                        const struct fault_allowance *may, char why[512])
{
    if (code == 0)
        return wrong(why, "exit 0, and the command's is %d", FAULT_EXIT);
    if (is_odd(code, may))
        return wrong(why, "exit %d is neither the command's nor a failure's", code);
    json_t *event = last_event(result->status, "started");
    bool started = event != NULL;
    json_decref(event);
    if (result->marked && !started && !may->mute)
        return wrong(why, "the command ran, and the status descriptor never said `started`");
    if (!may->killed && !may->mute && !may->may_wait && !is_told(result, started))
        return wrong(why, "exit %d without a word", code);
    return result->marked ? FAULT_ENDED : FAULT_REFUSED;
}

static enum fault_outcome judge_report(const struct fault_result *result,
                                       const struct fault_allowance *may, const char *reference,
                                       char why[512])
{
    if (may->struck && may->before && !may->ignorable)
        return wrong(why, "the command ran after this had failed");
    if (shares_namespace(result->report))
        return wrong(why, "the command is in a namespace of its host's");
    if (!is_whole(result->report))
        return FAULT_RIGHT;
    const char *line = first_difference(result->report, reference, may->no_traffic);
    if (line == NULL)
        return FAULT_RIGHT;
    return wrong(why, "the command found itself differently confined: %.*s",
                 (int)(line_length(line) < 300 ? line_length(line) : 300), line);
}

enum fault_outcome fault_judge(const struct fault_result *result, const struct fault_allowance *may,
                               const char *reference, char why[512])
{
    int status = result->end.status;
    why[0] = '\0';
    if (result->end.hung)
        return wrong(why, "hangs: %s", result->end.survivors);
    if (result->end.outlived)
        return wrong(why, "outlives the launcher: %s", result->end.survivors);
    if (result->residue[0] != '\0')
        return wrong(why, "%s", result->residue);
    if (result->marked && judge_report(result, may, reference, why) == FAULT_WRONG)
        return FAULT_WRONG;
    if (may->loading && !result->marked && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return FAULT_REFUSED;
    if (WIFSIGNALED(status)) {
        bool ours = (may->killed && WTERMSIG(status) == SIGKILL) ||
                    (may->may_wait && WTERMSIG(status) == SIGTERM) ||
                    (may->mute && WTERMSIG(status) == SIGPIPE);
        if (!ours)
            return wrong(why, "the launcher died of signal %d", WTERMSIG(status));
        return result->marked ? FAULT_ENDED : FAULT_REFUSED;
    }
    if (WEXITSTATUS(status) == FAULT_UNSTARTED && may->unstarted)
        return FAULT_NOT_REACHED;
    if (WEXITSTATUS(status) == FAULT_EXIT)
        return judge_success(result, may, why);
    return judge_failure(result, WEXITSTATUS(status), may, why);
}
