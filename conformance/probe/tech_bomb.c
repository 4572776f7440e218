/*
 * tech_bomb.c - a guest that uses up whatever it is given, and tries to get out behind that.
 *
 * Everything is bounded, for a control does the same to the lab. What cannot be had any more (no
 * room, no descriptor, no connection) is what a limit looks like, and no error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"
#include "techniques.h"

/* Connections: more than 4096, the most descriptors that a system allows by custom. */
enum { FILES = 2000, BLOCKS = 256, BLOCK = 65536, LINES = 40000, CONNECTIONS = 5000, HELD = 16 };

static void name_file(char path[64], long number)
{
    snprintf(path, 64, "/tmp/firma-bomb-%ld", number);
}

static long fill_files(void)
{
    char path[64];
    long made = 0;
    for (; made < FILES; made++) {
        name_file(path, made);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            break;
        close(fd);
    }
    return made;
}

static long fill_disk(void)
{
    static const char block[BLOCK] = "firma";
    char path[64];
    long written = 0;
    name_file(path, FILES);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    while (fd >= 0 && written < BLOCKS && write(fd, block, sizeof block) == (ssize_t)sizeof block)
        written++;
    if (fd >= 0)
        close(fd);
    return written;
}

/* What a caller keeps of a command's words must have an end. At most a third of the step; and a
 * runner that merges the streams must not cost the receipt. */
static long flood_log(const struct probe_step *step)
{
    char line[100];
    long said = 0, most = probe_is_one_stream() ? 0 : LINES;
    memset(line, '#', sizeof line);
    line[sizeof line - 1] = '\n';
    while (said < most && probe_left(step, 1) > step->deadline_ms * 2 / 3 &&
           probe_write(STDERR_FILENO, line, sizeof line))
        said++;
    return said;
}

/* Ended by a reset, so that no port is kept waiting. */
static void drop(int fd)
{
    const struct linger at_once = {1, 0};
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* One after the other, HELD of them at a time; as long as a third of the step is left. */
static long flood_proxy(const struct probe_step *step)
{
    struct probe_address proxy;
    struct probe_url url;
    int held[HELD];
    long opened = 0;
    if (probe_proxy() == NULL || !probe_url_parse(&url, probe_proxy()) ||
        !probe_address_make(&proxy, url.host, url.port))
        return 0;
    for (int i = 0; i < HELD; i++)
        held[i] = -1;
    for (long i = 0; i < CONNECTIONS && probe_left(step, 1) > step->deadline_ms / 3; i++) {
        drop(held[i % HELD]);
        held[i % HELD] = probe_connect(&proxy, 1000);
        opened += held[i % HELD] >= 0;
    }
    for (int i = 0; i < HELD; i++)
        drop(held[i]);
    return opened;
}

void probe_tech_after_bombs(const struct probe_step *step, struct probe_outcome *out)
{
    char path[64];
    struct probe_address address;
    long files = fill_files(), blocks = fill_disk(), lines = flood_log(step);
    long connections = flood_proxy(step);
    probe_try(out, PROBE_ERROR, connections > 0 ? 0 : EPROTO,
              "%ld files, %ld blocks, %ld lines, %ld connections", files, blocks, lines,
              connections);
    if (connections > 0 && probe_address_of(step, 443, &address, out))
        probe_tcp_once(step, &address, NULL, 1, out);
    for (long i = 0; i <= FILES; i++) {
        name_file(path, i);
        unlink(path);
    }
}
