#include "base/invocation.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Field 22 of /proc/PID/stat (proc(5)), counted from behind the command's closing bracket. */
static unsigned long long start_time(long pid)
{
    char path[64], line[1024] = "";
    unsigned long long value = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return 0;
    char *at = fgets(line, sizeof line, in) == NULL ? NULL : strrchr(line, ')');
    fclose(in);
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at != NULL)
        sscanf(at, " %llu", &value);
    return value;
}

void cf_invocation_of_parent(char *text, size_t size)
{
    long parent = (long)getppid();
    snprintf(text, size, "parent-%ld-%llu", parent, start_time(parent));
}

void cf_own_folder(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
}

void cf_running_kernel(char *text, size_t size)
{
    char id[40] = "";
    struct timespec up;
    FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");
    bool known = in != NULL && fscanf(in, "%36s", id) == 1 && strlen(id) == 36 &&
                 clock_gettime(CLOCK_BOOTTIME, &up) == 0;
    if (in != NULL)
        fclose(in);
    text[0] = '\0';
    if (known)
        snprintf(text, size, "%s %ld", id, (long)up.tv_sec);
}
