#include "launcher/processes_linux.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contract/cleanup.h"

/* The command name may hold anything, ") R 1" too: fields are counted from the last parenthesis. */
bool firma_process_read(pid_t pid, struct firma_process *out)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FIRMA_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (length <= 0)
        return false;
    text[length] = '\0';
    const char *rest = strrchr(text, ')');
    struct firma_process found = {.pid = pid};
    if (rest == NULL ||
        sscanf(rest + 1,
               " %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &found.state, &found.parent, &found.group, &found.start) != 4)
        return false;
    *out = found;
    return true;
}

bool firma_processes_each(bool (*visit)(const struct firma_process *process, void *context),
                          void *context)
{
    DIR *list = opendir("/proc");
    if (list == NULL)
        return false;
    struct firma_process process;
    struct dirent *entry;
    bool go_on = true, complete = true;
    while (errno = 0, go_on && (entry = readdir(list)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (firma_process_read((pid_t)atoi(entry->d_name), &process))
            go_on = visit(&process, context);
        else if (errno != ENOENT && errno != ESRCH) /* it has not simply ended meanwhile */
            complete = false;
    }
    complete = complete && (!go_on || errno == 0);
    closedir(list);
    return complete;
}
