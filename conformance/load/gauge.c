/*
 * What a process holds, read from /proc.
 *
 * Descriptors, threads and directories have to be exactly what they were: one more is a leak.
 * Resident memory may be RSS_KIB more: pages of code that ran for the first time, the stack's
 * deepest reach and what the allocator keeps at the top of its heap (128 KiB); a leak of a
 * connection's buffers under this load is hundreds of times as much.
 */
#include "load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RSS_KIB = 1024, SETTLE_MS = 15000, STEP_MS = 20 };

static long entries(const char *path)
{
    DIR *list = opendir(path);
    long count = 0;
    if (list == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(list);
    return count;
}

/* "NAME:   123 kB" in /proc/PID/status. */
static long status_of(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            value = atol(line + strlen(name) + 1);
    if (file != NULL)
        fclose(file);
    return value;
}

void load_gauge(struct load_gauge *out, pid_t pid, const char *runtime_root)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    out->descriptors = entries(path);
    out->rss_kib = status_of(pid, "VmRSS");
    out->threads = status_of(pid, "Threads");
    out->directories = entries(runtime_root);
}

static bool is_flat(const struct load_gauge *now, const struct load_gauge *before)
{
    return now->descriptors == before->descriptors && now->threads == before->threads &&
           now->directories == before->directories && now->rss_kib > 0 &&
           now->rss_kib <= before->rss_kib + RSS_KIB;
}

static void compare(struct load_report *report, const char *what, long now, long before)
{
    if (now != before)
        load_problem(report, "%s: %ld, were %ld before", what, now, before);
}

/* There is nothing to wait on but time: another process's last closing makes no event here. */
void load_gauge_settle(struct load_gauge *out, const struct load_gauge *before,
                       struct firma_loop *loop, pid_t pid, const char *runtime_root,
                       struct load_report *report)
{
    uint64_t start = firma_loop_now();
    for (load_gauge(out, pid, runtime_root);
         !is_flat(out, before) && firma_loop_now() - start < SETTLE_MS;
         load_gauge(out, pid, runtime_root))
        load_turn(loop, STEP_MS);
    compare(report, "open descriptors", out->descriptors, before->descriptors);
    compare(report, "threads", out->threads, before->threads);
    compare(report, "directories", out->directories, before->directories);
    if (out->rss_kib <= 0 || out->rss_kib > before->rss_kib + RSS_KIB)
        load_problem(report, "resident memory: %ld KiB, was %ld KiB before and may grow by %d",
                     out->rss_kib, before->rss_kib, RSS_KIB);
}

json_t *load_gauge_json(const struct load_gauge *gauge)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "rss_kib", (json_int_t)gauge->rss_kib, "descriptors",
                     (json_int_t)gauge->descriptors, "threads", (json_int_t)gauge->threads,
                     "directories", (json_int_t)gauge->directories);
}
