/* Members of a process group, from sysctl(3) KERN_PROC_PGRP. */
#include "launcher/terminal.h"

#include <stdlib.h>
#include <sys/sysctl.h>

bool firma_group_has_others(pid_t group, pid_t self)
{
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PGRP, group};
    size_t size = 0;
    if (sysctl(name, 4, NULL, &size, NULL, 0) < 0)
        return true;
    size += 16 * sizeof(struct kinfo_proc); /* some may be born between the two calls */
    struct kinfo_proc *list = malloc(size);
    bool others = list == NULL || sysctl(name, 4, list, &size, NULL, 0) < 0;
    for (size_t i = 0; !others && i < size / sizeof *list; i++)
        others = list[i].kp_proc.p_pid != self;
    free(list);
    return others;
}
