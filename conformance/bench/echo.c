/*
 * bench-echo: the least that answers a DNS query. It prints its port, takes datagrams by the
 * batch, turns each into a REFUSED by setting two bytes, and sends the batch back: what remains
 * is what the kernel charges for a datagram in and one out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "clocks.h"

enum { BATCH = 64, SIZE = 4096, HEADER = 12 };

static uint8_t data[BATCH][SIZE];
static struct iovec parts[BATCH];
static struct sockaddr_in peers[BATCH];
static struct mmsghdr messages[BATCH];

static void prepare(int count)
{
    for (int i = 0; i < count; i++) {
        parts[i] = (struct iovec){data[i], SIZE};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i],
                                              .msg_namelen = sizeof peers[i],
                                              .msg_iov = &parts[i],
                                              .msg_iovlen = 1};
    }
}

static void answer(int fd, int count)
{
    for (int i = 0; i < count; i++) {
        data[i][2] |= 0x80;
        data[i][3] = 5;
        parts[i].iov_len = messages[i].msg_len;
    }
    for (int sent = 0; sent < count;) {
        int got = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
        sent += got > 0 ? got : 1; /* whoever does not take his answer goes without */
    }
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        bench_die(errno, "cannot bind");
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        prepare(BATCH);
        int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        if (count > 0)
            answer(fd, count);
        else if (errno != EINTR && errno != ECONNREFUSED)
            bench_die(errno, "recvmmsg");
    }
}
