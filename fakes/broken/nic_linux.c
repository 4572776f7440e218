/* nic_linux.c - the device's words and what stands behind it; see nic.h. */
#include "nic.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINK     "veth0"
#define RESOLVER "9.9.9.9"
#define DEVICE   "virtio-net-pci,netdev=net,romfile="

enum { FRAME_MAX = 65536 };

int fake_nic_open(void)
{
    struct sockaddr_ll link = {.sll_family = AF_PACKET,
                               .sll_protocol = htons(ETH_P_ALL),
                               .sll_ifindex = (int)if_nametoindex(LINK)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (fd >= 0 && link.sll_ifindex > 0 &&
        bind(fd, (const struct sockaddr *)&link, sizeof link) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- a bridge: frame by frame, in both directions ---- */

static void carry_out(int guest, int road)
{
    unsigned char frame[FRAME_MAX];
    ssize_t got = recv(guest, frame, sizeof frame, 0);
    if (got > 0)
        (void)send(road, frame, (size_t)got, 0);
}

static void carry_in(int road, int guest)
{
    unsigned char frame[FRAME_MAX];
    struct sockaddr_ll from;
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(road, frame, sizeof frame, 0, (struct sockaddr *)&from, &length);
    if (got > 0 && from.sll_pkttype != PACKET_OUTGOING)
        (void)send(guest, frame, (size_t)got, MSG_DONTWAIT);
}

/* An ARP reply nobody asked for (RFC 826), as bridges send for a machine that has come to them. */
static void announce(int road)
{
    unsigned char frame[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0,   0x12, 0x34,
                               0x56, 0x08, 0x06, 0,    1,    0x08, 0,    6,    4,   0,    2,
                               0x52, 0x54, 0,    0x12, 0x34, 0x56, 203,  0,    113, 77};
    memcpy(frame + 38, frame + 28, 4);
    (void)send(road, frame, sizeof frame, 0);
}

static void be_bridge(int guest, int road)
{
    struct pollfd polled[2] = {{.fd = guest, .events = POLLIN}, {.fd = road, .events = POLLIN}};
    while (poll(polled, 2, -1) > 0) {
        if (polled[0].revents != 0)
            carry_out(guest, road);
        if (polled[1].revents != 0)
            carry_in(road, guest);
    }
}

/* ---- a resolver: what the guest says goes there, once it says something ---- */

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, RESOLVER, &to.sin_addr);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static ssize_t pass(int from, int to)
{
    unsigned char bytes[4096];
    ssize_t got = recv(from, bytes, sizeof bytes, 0);
    return got <= 0 ? got : send(to, bytes, (size_t)got, MSG_NOSIGNAL);
}

static void be_resolver(int guest)
{
    struct pollfd polled[2] = {{.fd = guest, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    while (poll(polled, 2, -1) > 0) {
        if (polled[0].revents != 0 && polled[1].fd < 0)
            polled[1].fd = dial();
        if (polled[0].revents != 0 && pass(guest, polled[1].fd) <= 0)
            pause(); /* the machine ends with its first process that does */
        if (polled[1].revents == 0 || pass(polled[1].fd, guest) > 0)
            continue;
        close(polled[1].fd);
        polled[1].fd = -1;
    }
}

/* ---- the words ---- */

__attribute__((format(printf, 4, 5))) static void add(char **words, size_t *count,
                                                      const char *option, const char *format, ...)
{
    va_list list;
    words[*count] = strdup(option);
    va_start(list, format);
    if (vasprintf(&words[*count + 1], format, list) < 0)
        abort();
    va_end(list);
    *count += 2;
    words[*count] = NULL;
}

static void be_behind(enum fake_nic kind, int guest, int road)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (kind == FAKE_NIC_RESTRICTED)
        be_resolver(guest);
    if (kind == FAKE_NIC_ANNOUNCED)
        announce(road);
    be_bridge(guest, road);
    _exit(1);
}

int fake_nic_plug_in(enum fake_nic kind, int road, char **words, size_t *count)
{
    int pair[2], type = kind == FAKE_NIC_RESTRICTED ? SOCK_STREAM : SOCK_DGRAM;
    if (kind == FAKE_NIC_USER) {
        add(words, count, "-netdev", "user,id=net");
        add(words, count, "-device", DEVICE);
        return 0;
    }
    if (socketpair(AF_UNIX, type, 0, pair) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[1]);
        be_behind(kind, pair[0], road);
    }
    close(pair[0]);
    if (kind == FAKE_NIC_RESTRICTED) {
        add(words, count, "-chardev", "socket,id=resolver,fd=%d", pair[1]);
        add(words, count, "-netdev",
            "user,id=net,restrict=on,guestfwd=tcp:10.0.2.4:53-chardev:resolver");
    } else {
        add(words, count, "-netdev", "dgram,id=net,local.type=fd,local.str=%d", pair[1]);
    }
    add(words, count, "-device", DEVICE);
    return pid > 0 ? 0 : -1;
}
