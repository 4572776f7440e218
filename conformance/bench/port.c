/* bench-port: a port of 127.0.0.1 that is free for UDP and TCP. For peers that must be told one. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "clocks.h"

enum { ATTEMPTS = 64 };

static int bind_loopback(int type, struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)address, size) == 0 &&
        getsockname(fd, (struct sockaddr *)address, &size) == 0)
        return fd;
    return -1;
}

int main(void)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind_loopback(SOCK_DGRAM, &address) >= 0 && bind_loopback(SOCK_STREAM, &address) >= 0) {
            printf("%u\n", ntohs(address.sin_port));
            return 0;
        }
    }
    bench_die(errno, "no port");
}
