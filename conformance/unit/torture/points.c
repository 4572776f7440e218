#include "points.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sites.h"

static const char *const names[] = {
#define CALL(name, result, errnum) #name,
#include "sites.def"
#undef CALL
    "waitpid",
};

enum { PATIENCE = 20 }; /* seconds */

static char path[] = "/tmp/firma-torture-XXXXXX";
static struct torture_table *table;

const char *torture_path(void)
{
    return path;
}

static void open_table(void)
{
    strcpy(strrchr(path, '-'), "-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *table), 0);
    table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(table != MAP_FAILED);
    close(fd);
}

static void close_table(void)
{
    munmap(table, sizeof *table);
    unlink(path);
}

static void take(struct pollfd *stream, char text[TORTURE_TEXT], size_t *used)
{
    char scrap[TORTURE_TEXT];
    if (stream->revents == 0)
        return;
    ssize_t got = read(stream->fd, scrap, sizeof scrap);
    size_t kept = got <= 0 ? 0 : (size_t)got;
    if (kept > TORTURE_TEXT - 1 - *used)
        kept = TORTURE_TEXT - 1 - *used;
    memcpy(text + *used, scrap, kept);
    *used += kept;
    if (got == 0 || (got < 0 && errno != EINTR)) {
        close(stream->fd);
        stream->fd = -1;
    }
}

/* Streams may end long before the process does, and the other way round. */
void torture_collect(pid_t pid, int out, int err, struct torture_outcome *outcome)
{
    int life = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd polled[] = {{.fd = out, .events = POLLIN},
                              {.fd = err, .events = POLLIN},
                              {.fd = life, .events = POLLIN}};
    size_t used[2] = {0, 0};
    time_t end = time(NULL) + PATIENCE;
    assert_true(life >= 0);
    while ((polled[0].fd >= 0 || polled[1].fd >= 0 || polled[2].fd >= 0) && time(NULL) <= end) {
        if (poll(polled, 3, 1000) <= 0)
            continue;
        take(&polled[0], outcome->out, &used[0]);
        take(&polled[1], outcome->err, &used[1]);
        if (polled[2].revents != 0)
            polled[2].fd = -1;
    }
    outcome->endless = polled[0].fd >= 0 || polled[1].fd >= 0 || polled[2].fd >= 0;
    if (outcome->endless)
        kill(pid, SIGKILL);
    for (int i = 0; i < 2; i++)
        if (polled[i].fd >= 0)
            close(polled[i].fd);
    close(life);
    assert_int_equal(waitpid(pid, &outcome->status, 0), pid);
}

/* Lines of firma's own; what the command says on the same stream does not count. */
static unsigned messages(const char *text)
{
    unsigned count = 0;
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += line != text ? 1 : 0;
        count += strncmp(line, "firma-", 6) == 0 ? 1 : 0;
    }
    return count;
}

const char *torture_judge(const struct torture_subject *subject, int status,
                          const struct torture_outcome *outcome)
{
    static char wrong[128];
    (void)subject;
    if (outcome->endless)
        return "no end";
    int got = WIFEXITED(outcome->status) ? WEXITSTATUS(outcome->status) : -1;
    if (got == status)
        return NULL;
    if (got != 125) {
        snprintf(wrong, sizeof wrong, "wait status 0x%x", (unsigned)outcome->status);
        return wrong;
    }
    /* Once the command runs, firma-run has let go of its streams; its status descriptor says it. */
    if (outcome->out[0] != '\0')
        return NULL;
    unsigned lines = messages(outcome->err);
    return lines == 1 ? NULL : lines == 0 ? "125 without a message" : "more than one message";
}

/* Returns whether it was judged well. */
static bool try_point(const struct torture_subject *subject, const struct torture_site *site,
                      unsigned turn, unsigned *refused)
{
    static struct torture_outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    table->target = site->place;
    table->turn = turn;
    table->seen = table->fired = 0;
    subject->run(subject->context, &outcome);
    if (table->fired == 0)
        return true; /* a call that another order of events does without */
    *refused += outcome.err[0] != '\0' ? 1 : 0;
    const char *wrong = subject->judge(subject->context, &outcome);
    if (wrong != NULL)
        print_error("%s, call %u from 0x%llx fails: %s; stdout \"%s\", stderr \"%s\"\n",
                    names[site->call], turn, (unsigned long long)site->place, wrong, outcome.out,
                    outcome.err);
    return wrong == NULL;
}

static void note_sites(const struct torture_subject *subject)
{
    static struct torture_outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    subject->run(subject->context, &outcome);
    const char *wrong = subject->judge(subject->context, &outcome);
    if (wrong != NULL || messages(outcome.err) > 0)
        fail_msg("without a fault: wait status 0x%x; stderr \"%s\"", (unsigned)outcome.status,
                 outcome.err);
    assert_in_range(table->count, 20, TORTURE_SITES);
}

void torture(const struct torture_subject *subject)
{
    unsigned points = 0, bad = 0, refused = 0;
    open_table();
    note_sites(subject);
    for (unsigned i = 0; i < table->count; i++)
        for (unsigned turn = 1; turn <= table->sites[i].hits && turn <= subject->turns; turn++) {
            bad += try_point(subject, &table->sites[i], turn, &refused) ? 0 : 1;
            points++;
        }
    print_message("%s: %u places, %u calls failed, %u times it said so, %u judged badly\n",
                  subject->name, table->count, points, refused, bad);
    close_table();
    assert_int_equal(bad, 0);
}
