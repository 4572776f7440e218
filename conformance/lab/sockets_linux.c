/*
 * sockets_linux.c - services of the machine that listen on a path.
 *
 * A read-only mount does not keep anybody from connecting to a socket in it, so every socket that
 * has a path below a bound-in folder is covered with /dev/null.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lab/lab_linux.h"

enum { SOCKETS_MAX = 4096 };

char **cf_lab_list_sockets(void)
{
    FILE *table = fopen("/proc/self/net/unix", "re");
    char **paths = calloc(SOCKETS_MAX + 1, sizeof *paths);
    char line[512];
    size_t count = 0;
    while (table != NULL && paths != NULL && count < SOCKETS_MAX &&
           fgets(line, sizeof line, table) != NULL) {
        char *path = strchr(line, '/');
        if (path == NULL || (paths[count] = strdup(path)) == NULL)
            continue;
        paths[count][strcspn(paths[count], "\n")] = '\0';
        count++;
    }
    if (table != NULL)
        fclose(table);
    return paths;
}

int cf_lab_cover_sockets(char *const *paths, struct cf_error *err)
{
    struct stat state;
    for (; *paths != NULL; paths++) {
        if (lstat(*paths, &state) != 0 || !S_ISSOCK(state.st_mode))
            continue;
        if (mount("/dev/null", *paths, NULL, MS_BIND, NULL) != 0)
            return cf_fail(err, CF_E_LAB, errno, "%s cannot be covered", *paths);
    }
    return 0;
}
