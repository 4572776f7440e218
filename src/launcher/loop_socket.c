#include "launcher/loop_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* Who finds a service full waits here. Linux keeps at most net.core.somaxconn of them; for more,
 * connect(2) itself waits. */
enum { BACKLOG = 4096 };

void firma_no_delay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static int bind_and_listen(int fd, int type, struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    if (bind(fd, (struct sockaddr *)address, sizeof *address) != 0)
        return -1;
    if (type == SOCK_STREAM && listen(fd, BACKLOG) != 0)
        return -1;
    return getsockname(fd, (struct sockaddr *)address, &length);
}

int firma_listen_loopback(int type, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = firma_socket(AF_INET, type);
    if (fd < 0)
        return -1;
    if (bind_and_listen(fd, type, &address) == 0) {
        *port = ntohs(address.sin_port);
        return fd;
    }
    int errnum = errno;
    close(fd);
    errno = errnum;
    return -1;
}
