#include "launcher/loop_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Takes ownership of FD; closes it when a flag cannot be set. */
static int prepare(int fd)
{
    int one = 1;
    if (fd < 0)
        return -1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one) == 0)
        return fd;
    int errnum = errno;
    close(fd);
    errno = errnum;
    return -1;
}

int firma_socket(int family, int type)
{
    return prepare(socket(family, type, 0));
}

int firma_accept(int listener)
{
    return prepare(accept(listener, NULL, NULL));
}

ssize_t firma_send(int fd, const void *data, size_t size)
{
    return send(fd, data, size, 0);
}
