/* No system call executes a descriptor here. */
#include "launcher/spawn.h"

int firma_execute(const struct firma_artifact *runner, char *const *argv, char *const *environment)
{
    return firma_execute_by_path(runner, argv, environment);
}
