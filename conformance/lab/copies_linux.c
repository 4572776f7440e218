/* copies_linux.c - files of the machine that the lab gets its own copy of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/lab_linux.h"

int cf_lab_open_copies(struct cf_lab_entry *entry, struct cf_error *err)
{
    const struct cf_lab_config *config = entry->config;
    entry->copies = calloc(config->copy_count + 1, sizeof *entry->copies);
    if (entry->copies == NULL)
        return cf_fail(err, CF_E_SYSTEM, ENOMEM, "lab");
    for (size_t i = 0; i < config->copy_count; i++) {
        if (strncmp(config->copies[i].target, "/lab/", 5) != 0)
            return cf_fail(err, CF_E_USAGE, 0, "%s: a copy belongs below /lab",
                           config->copies[i].target);
        entry->copies[i] = open(config->copies[i].source, O_RDONLY | O_CLOEXEC);
        if (entry->copies[i] < 0)
            return cf_fail(err, CF_E_LAB, errno, "%s", config->copies[i].source);
    }
    return 0;
}

static void make_parents(const char *target)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", target);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755); /* exists already, or open() will tell */
        *slash = '/';
    }
}

static int copy_bytes(int from, int to)
{
    ssize_t moved;
    do
        moved = sendfile(to, from, NULL, 1 << 30);
    while (moved > 0);
    return moved < 0 ? -1 : 0;
}

int cf_lab_copy_in(const struct cf_lab_entry *entry, struct cf_error *err)
{
    for (size_t i = 0; i < entry->config->copy_count; i++) {
        const struct cf_lab_copy *copy = &entry->config->copies[i];
        make_parents(copy->target);
        int fd = open(copy->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        bool done = fd >= 0 && copy_bytes(entry->copies[i], fd) == 0 && fchmod(fd, copy->mode) == 0;
        int saved = errno;
        if (fd >= 0)
            close(fd);
        if (!done)
            return cf_fail(err, CF_E_LAB, saved, "%s -> %s", copy->source, copy->target);
        close(entry->copies[i]);
        entry->copies[i] = -1;
    }
    return 0;
}
