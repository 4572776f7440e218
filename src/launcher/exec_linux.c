#include "launcher/spawn.h"

#include <errno.h>
#include <unistd.h>

int firma_execute(const struct firma_artifact *runner, char *const *argv, char *const *environment)
{
    if (runner->is_script)
        return firma_execute_by_path(runner, argv, environment);
    fexecve(runner->fd, argv, environment);
    return errno;
}
