#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runner/common/common.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static int check_standard(int fd, struct firma_error *err)
{
    struct stat info;
    if (fstat(fd, &info) < 0) {
        /* The lowest free number is this one: 0 to fd-1 have been seen to be open. */
        int placeholder = errno == EBADF ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
        return placeholder == fd ? 0 : firma_fail(err, FIRMA_E_SYSTEM, errno, "descriptor %d", fd);
    }
    if (S_ISDIR(info.st_mode))
        return firma_fail(err, FIRMA_E_CUSTODY, 0,
                          "descriptor %d is a directory of the host; redirect it elsewhere", fd);
    return 0;
}

int firma_runner_seal_descriptors(struct firma_error *err)
{
    for (int fd = 0; fd <= 2; fd++) {
        int result = check_standard(fd, err);
        if (result < 0)
            return result;
    }
    if (syscall(SYS_close_range, 3, UINT_MAX, 0) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "close_range");
    return 0;
}
