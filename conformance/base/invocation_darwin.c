#include "base/invocation.h"

#include <mach-o/dyld.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysctl.h>
#include <time.h>
#include <unistd.h>

void cf_invocation_of_parent(char *text, size_t size)
{
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, (int)getppid()};
    struct kinfo_proc parent;
    size_t length = sizeof parent;
    memset(&parent, 0, sizeof parent);
    sysctl(name, 4, &parent, &length, NULL, 0);
    snprintf(text, size, "parent-%ld-%lld.%06d", (long)getppid(),
             (long long)parent.kp_proc.p_starttime.tv_sec, (int)parent.kp_proc.p_starttime.tv_usec);
}

void cf_own_folder(char *path, size_t size)
{
    uint32_t length = (uint32_t)size;
    if (_NSGetExecutablePath(path, &length) != 0)
        path[0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
}

void cf_running_kernel(char *text, size_t size)
{
    char id[40] = "";
    size_t length = sizeof id - 1;
    struct timespec up;
    text[0] = '\0';
    if (sysctlbyname("kern.bootsessionuuid", id, &length, NULL, 0) == 0 && strlen(id) == 36 &&
        clock_gettime(CLOCK_MONOTONIC, &up) == 0) /* counts sleep, too: clock_gettime(3) there */
        snprintf(text, size, "%s %ld", id, (long)up.tv_sec);
}
