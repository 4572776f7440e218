#include "launcher/spawn.h"

#include <unistd.h>

pid_t firma_spawn_child(int (*live)(void *context), void *context)
{
    pid_t child = fork();
    if (child == 0)
        _exit(live(context));
    return child;
}
