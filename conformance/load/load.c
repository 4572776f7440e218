#include "load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PERIOD = 65521, PROBLEMS = 20 }; /* a prime: no buffer's size divides it */

void load_give_up(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(3);
}

void load_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("  ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static const char *table(void)
{
    static char bytes[PERIOD + LOAD_RUN];
    static bool filled;
    uint32_t state = 2463534242u;
    for (size_t i = 0; !filled && i < PERIOD; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[i] = (char)(state >> 8);
    }
    if (!filled)
        for (size_t i = PERIOD; i < sizeof bytes; i++)
            bytes[i] = bytes[i - PERIOD];
    filled = true;
    return bytes;
}

const char *load_pattern(uint64_t seed, uint64_t offset)
{
    return table() + (seed * 7919 + offset) % PERIOD;
}

bool load_pattern_holds(uint64_t seed, uint64_t offset, const char *data, size_t size)
{
    return size <= LOAD_RUN && memcmp(load_pattern(seed, offset), data, size) == 0;
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int load_dial(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS))
        load_give_up("cannot connect to 127.0.0.1:%u: %s", port, strerror(errno));
    return fd;
}

int load_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(*port);
    socklen_t size = sizeof address;
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        load_give_up("cannot listen on 127.0.0.1:%u: %s", *port, strerror(errno));
    *port = ntohs(address.sin_port);
    return fd;
}

void load_descriptors(size_t needed)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < needed)
        load_give_up("needs a hard limit of %zu open files here, see ulimit -Hn", needed);
    limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
    setrlimit(RLIMIT_NOFILE, &limit);
}

struct wait {
    struct firma_loop *loop;
    bool late;
};

static void too_late(void *context)
{
    struct wait *wait = context;
    wait->late = true;
    firma_loop_stop(wait->loop);
}

static unsigned patience = 300;

void load_be_patient(unsigned seconds)
{
    patience = seconds;
}

static bool run(struct firma_loop *loop, uint64_t milliseconds)
{
    struct wait wait = {loop, false};
    struct firma_timer timer = {.fire = too_late, .context = &wait};
    struct firma_error err;
    firma_loop_arm(loop, &timer, milliseconds);
    if (firma_loop_run(loop, &err) != 0)
        load_give_up("%s", err.text);
    firma_loop_disarm(loop, &timer);
    return !wait.late;
}

bool load_wait(struct firma_loop *loop)
{
    return run(loop, (uint64_t)patience * 1000);
}

void load_turn(struct firma_loop *loop, unsigned milliseconds)
{
    run(loop, milliseconds);
}

void load_done(struct firma_loop *loop)
{
    firma_loop_stop(loop);
}

void load_report_open(struct load_report *report, const char *section)
{
    *report = (struct load_report){
        .section = section, .numbers = json_object(), .problems = json_array()};
}

void load_number(struct load_report *report, const char *name, long long value)
{
    json_object_set_new(report->numbers, name, json_integer(value));
}

void load_problem(struct load_report *report, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (report->problem_count++ >= PROBLEMS)
        return;
    load_say("%s: problem: %s", report->section, text);
    json_array_append_new(report->problems, json_string(text));
}

static size_t add_words(char *text, size_t size, size_t used, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int added = vsnprintf(text + used, size - used, format, args);
    va_end(args);
    return added < 0 || (size_t)added >= size - used ? used : used + (size_t)added;
}

/* "NUMBER name, …; what before→after, …" */
static void summarise(const struct load_report *report, uint64_t milliseconds, json_t *more)
{
    char text[2048] = "";
    size_t used = 0;
    const char *name;
    json_t *value, *before = json_object_get(more, "before"),
                   *after = json_object_get(more, "after");
    json_object_foreach (report->numbers, name, value)
        used = add_words(text, sizeof text, used, "%s%s %lld", used > 0 ? ", " : "", name,
                         (long long)json_integer_value(value));
    json_object_foreach (before, name, value)
        used = add_words(text, sizeof text, used, "%s%s %lld→%lld", used > 0 ? ", " : "", name,
                         (long long)json_integer_value(value),
                         (long long)json_integer_value(json_object_get(after, name)));
    fprintf(stderr, "%-12s %s %6.1f s  %s\n", report->section,
            report->problem_count == 0 ? "passed" : "FAILED", (double)milliseconds / 1000, text);
}

bool load_report_close(struct load_report *report, uint64_t milliseconds, json_t *more)
{
    summarise(report, milliseconds, more);
    json_t *line = json_pack("{s:s, s:b, s:f, s:o, s:i, s:o}", "section", report->section, "passed",
                             report->problem_count == 0, "seconds", (double)milliseconds / 1000,
                             "numbers", report->numbers, "problem_count",
                             (int)report->problem_count, "problems", report->problems);
    json_object_update(line, more);
    json_decref(more);
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    fflush(stdout);
    json_decref(line);
    return report->problem_count == 0;
}
