#include "base/socket.h"

#include <fcntl.h>
#include <sys/socket.h>

int cf_socket(int family, int type)
{
    int fd = socket(family, type, 0);
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}
