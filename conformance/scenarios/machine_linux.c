/*
 * machine_linux.c - what a machine's runner notes about its own time.
 *
 * firma-vm-runner takes options from machine.json beside the images, one of which keeps its log.
 * Where the operator's images came with a manifest and without options, the lab adds that one, and
 * takes the line of times out of each log. For people only: no verdict looks at it.
 */
#include "scenarios/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char manifest[] = "/lab/artifacts/manifest.json";
static const char options[] = "/lab/artifacts/machine.json";
static const char logs[] = "/lab/logs";
static const char mark[] = "times: ";

int cf_stage_keep_machine_logs(struct cf_error *err)
{
    static const char text[] = "{\"log_dir\": \"/lab/logs\"}\n";
    if (access(manifest, F_OK) != 0 || access(options, F_OK) == 0)
        return 0;
    if (mkdir(logs, 0700) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s", logs);
    int fd = open(options, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    ssize_t written = fd < 0 ? -1 : write(fd, text, sizeof text - 1);
    int saved = errno;
    if (fd >= 0)
        close(fd);
    return written == (ssize_t)(sizeof text - 1) ? 0
                                                 : cf_fail(err, CF_E_SYSTEM, saved, "%s", options);
}

/* The times at the end of the log NAME in the folder DIR, or NULL: the machine has not ended. */
static json_t *read_times(int dir, const char *name)
{
    char tail[1024];
    json_t *times = NULL;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat state;
    off_t from = fd >= 0 && fstat(fd, &state) == 0 && state.st_size >= (off_t)sizeof tail
                     ? state.st_size - (off_t)(sizeof tail - 1)
                     : 0;
    ssize_t got = fd < 0 ? -1 : pread(fd, tail, sizeof tail - 1, from);
    tail[got < 0 ? 0 : got] = '\0';
    const char *at = strstr(tail, mark);
    if (at != NULL) {
        at += strlen(mark);
        times = cf_events_data(at, strcspn(at, "\n"), sizeof tail);
    }
    if (fd >= 0)
        close(fd);
    return times;
}

json_t *cf_stage_machine_times(void)
{
    json_t *times = NULL;
    DIR *folder = opendir(logs);
    const struct dirent *entry;
    while (folder != NULL && times == NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.')
            times = read_times(dirfd(folder), entry->d_name);
        if (times != NULL)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL)
        closedir(folder);
    return times;
}
