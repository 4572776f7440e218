#include "launcher/fds.h"

#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { MARK_ONLY = 4 }; /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */

bool firma_fds_range(unsigned first, unsigned last, bool only_mark)
{
    return syscall(SYS_close_range, first, last, only_mark ? MARK_ONLY : 0) == 0;
}
