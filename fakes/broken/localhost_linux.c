/* localhost_linux.c - the carrier between two loopbacks; see localhost.h. */
#include "localhost.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_packet.h>

enum { FIRST = 20000, LAST = 27999, BACKLOG = 64, CHUNK = 65536, OWN_MARK = 77 };

struct carrier {
    const struct fake_localhost *localhost;
    int listening[2]; /* the guest's own TCP and UDP sockets, as /proc/net tells them */
    int feed[2];      /* UDP to the guest, by family */
    uint16_t feed_port[2];
    int up[2]; /* the guest's TCP connections to its loopback */
    int heard; /* its datagrams there */
    unsigned dialled;
};

static int run_nft(const char *rules)
{
    static const char *const places[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"};
    int feed[2], status = -1;
    if (pipe2(feed, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(feed[0], STDIN_FILENO);
        dup2(null, STDERR_FILENO); /* a refusal is no word of the command's */
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
            execl(places[i], "nft", "-f", "-", (char *)NULL);
        _exit(127);
    }
    close(feed[0]);
    bool fed = pid > 0 && write(feed[1], rules, strlen(rules)) == (ssize_t)strlen(rules);
    close(feed[1]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return fed && status == 0 ? 0 : -1;
}

/* A socket bound to PORT, or any, of LOOPBACK or all addresses; IPv6 alone, or both families. */
static int open_socket(int family, int type, bool loopback, bool both, uint16_t port)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_six = family == AF_INET6;
    int only = !both, fd = socket(family, type | SOCK_CLOEXEC, 0);
    four.sin_addr.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY);
    six.sin6_addr = loopback ? in6addr_loopback : in6addr_any;
    if (is_six)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (bind(fd, is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four,
             is_six ? sizeof six : sizeof four) != 0 ||
        (type == SOCK_STREAM && listen(fd, BACKLOG) != 0))
        return -1;
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &size);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* ---- the host's side ---- */

/* Whoever comes first has the ports: a second table of this name cannot be made. */
static void publish(const struct fake_localhost *localhost)
{
    static const char *const roads[] = {"ip daddr { 127.0.0.0/8, 203.0.113.2 }",
                                        "ip6 daddr { ::1, 2001:db8:1::2 }"};
    char rules[2048];
    int used = snprintf(rules, sizeof rules,
                        "create table inet publish\n"
                        "add chain inet publish output { type nat hook output priority -100; }\n");
    for (int i = 0; i < 2; i++)
        used += snprintf(rules + used, sizeof rules - (size_t)used,
                         "add rule inet publish output %s tcp dport %d-%d redirect to :%u\n"
                         "add rule inet publish output %s udp dport %d-%d redirect to :%u\n",
                         roads[i], FIRST, LAST, port_of(localhost->stream), roads[i], FIRST, LAST,
                         port_of(localhost->datagram));
    (void)run_nft(rules);
}

int fake_localhost_open(struct fake_localhost *localhost)
{
    localhost->stream = open_socket(AF_INET6, SOCK_STREAM, false, true, 0);
    localhost->datagram = open_socket(AF_INET6, SOCK_DGRAM, false, true, 0);
    if (localhost->stream < 0 || localhost->datagram < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        int family = i == 0 ? AF_INET : AF_INET6;
        for (int k = 0; k < FAKE_LOCALHOST_DIALS; k++)
            localhost->dials[i][k] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        localhost->ask[i] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    publish(localhost);
    return 0;
}

/* ---- the guest's side ---- */

static int connect_loopback(int fd, int family, uint16_t port)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (family == AF_INET6)
        return connect(fd, (struct sockaddr *)&six, sizeof six);
    return connect(fd, (struct sockaddr *)&four, sizeof four);
}

/* The first port of those published that the guest itself has a socket on; 0 if there is none. */
static uint16_t listening_port(int table)
{
    char text[16384];
    ssize_t length = pread(table, text, sizeof text - 1, 0);
    text[length < 0 ? 0 : length] = '\0';
    for (const char *line = strchr(text, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
        unsigned port = 0, peer = 1;
        if (sscanf(line, " %*u: %*x:%x %*x:%x", &port, &peer) == 2 && peer == 0 && port >= FIRST &&
            port <= LAST)
            return (uint16_t)port;
    }
    return 0;
}

static bool pass(int from, int to)
{
    char data[CHUNK];
    ssize_t got = read(from, data, sizeof data);
    return got > 0 && send(to, data, (size_t)got, MSG_NOSIGNAL) == got;
}

/* In a process of its own, until either end has no more to say. */
static void join(int one, int other)
{
    struct pollfd ends[2] = {{.fd = one, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    bool on = true;
    while (on && poll(ends, 2, -1) > 0)
        on = (ends[0].revents == 0 || pass(one, other)) &&
             (ends[1].revents == 0 || pass(other, one));
}

static bool is_mapped(int fd)
{
    struct sockaddr_in6 peer = {0};
    socklen_t size = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
           IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr);
}

static int dial_guest(const struct carrier *carrier, int knocking)
{
    int mark = OWN_MARK, family = is_mapped(knocking) ? AF_INET : AF_INET6;
    uint16_t port = listening_port(carrier->listening[0]);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
    return port != 0 && connect_loopback(fd, family, port) == 0 ? fd : -1;
}

/* Where the guest meant to go, before the rule led it here. */
static uint16_t meant(int fd, int family)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    bool six = family == AF_INET6;
    if (getsockopt(fd, six ? SOL_IPV6 : SOL_IP, SO_ORIGINAL_DST, &address, &size) != 0)
        return 0;
    return ntohs(six ? ((struct sockaddr_in6 *)&address)->sin6_port
                     : ((struct sockaddr_in *)&address)->sin_port);
}

static void carry_in(struct carrier *carrier)
{
    int knocking = accept4(carrier->localhost->stream, NULL, NULL, SOCK_CLOEXEC);
    if (knocking >= 0 && fork() == 0) {
        int inside = dial_guest(carrier, knocking);
        if (inside >= 0)
            join(knocking, inside);
        _exit(0);
    }
    close(knocking);
}

static void carry_out(struct carrier *carrier, int which)
{
    int family = which == 0 ? AF_INET : AF_INET6;
    int asking = accept4(carrier->up[which], NULL, NULL, SOCK_CLOEXEC);
    unsigned next = carrier->dialled;
    if (asking < 0 || next == FAKE_LOCALHOST_DIALS) {
        close(asking);
        return;
    }
    carrier->dialled++;
    int fd = carrier->localhost->dials[which][next];
    if (fork() == 0) {
        if (connect_loopback(fd, family, meant(asking, family)) == 0)
            join(asking, fd);
        _exit(0);
    }
    close(asking);
    close(fd);
}

static void feed_in(struct carrier *carrier)
{
    char data[CHUNK];
    struct sockaddr_in6 from = {0};
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(carrier->localhost->datagram, data, sizeof data, 0,
                           (struct sockaddr *)&from, &size);
    int which = IN6_IS_ADDR_V4MAPPED(&from.sin6_addr) ? 0 : 1;
    uint16_t port = listening_port(carrier->listening[1]);
    if (got >= 0 && port != 0 &&
        connect_loopback(carrier->feed[which], which == 0 ? AF_INET : AF_INET6, port) == 0)
        send(carrier->feed[which], data, (size_t)got, 0);
}

/* A datagram on the guest's loopback, unless it is the carrier's own. */
static void feed_out(struct carrier *carrier)
{
    unsigned char bytes[CHUNK];
    struct sockaddr_ll from = {0};
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(carrier->heard, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
    if (got < 28 || from.sll_pkttype == PACKET_OUTGOING)
        return;
    int which = bytes[0] >> 4 == 6;
    ssize_t head = which ? 40 : (bytes[0] & 15) * 4;
    if (bytes[which ? 6 : 9] != IPPROTO_UDP || got < head + 8)
        return;
    uint16_t source = (uint16_t)(bytes[head] << 8 | bytes[head + 1]);
    uint16_t port = (uint16_t)(bytes[head + 2] << 8 | bytes[head + 3]);
    if (port < FIRST || port > LAST || source == carrier->feed_port[which])
        return;
    int fd = carrier->localhost->ask[which];
    if (connect_loopback(fd, which ? AF_INET6 : AF_INET, port) == 0)
        send(fd, bytes + head + 8, (size_t)(got - head - 8), 0);
}

_Noreturn static void live(struct carrier *carrier)
{
    struct pollfd ears[] = {{.fd = carrier->localhost->stream, .events = POLLIN},
                            {.fd = carrier->localhost->datagram, .events = POLLIN},
                            {.fd = carrier->up[0], .events = POLLIN},
                            {.fd = carrier->up[1], .events = POLLIN},
                            {.fd = carrier->heard, .events = POLLIN}};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    setsid();
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        poll(ears, sizeof ears / sizeof ears[0], -1);
        if (ears[0].revents != 0)
            carry_in(carrier);
        if (ears[1].revents != 0)
            feed_in(carrier);
        for (int i = 0; i < 2; i++)
            if (ears[2 + i].revents != 0)
                carry_out(carrier, i);
        if (ears[4].revents != 0)
            feed_out(carrier);
    }
}

static int lead_out(struct carrier *carrier, const uint16_t own[2])
{
    char rules[2048];
    struct sockaddr_ll loopback = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    loopback.sll_ifindex = (int)if_nametoindex("lo");
    carrier->up[0] = open_socket(AF_INET, SOCK_STREAM, true, false, 0);
    uint16_t port = port_of(carrier->up[0]);
    carrier->up[1] = open_socket(AF_INET6, SOCK_STREAM, true, false, port);
    carrier->heard = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (carrier->up[0] < 0 || carrier->up[1] < 0 ||
        bind(carrier->heard, (struct sockaddr *)&loopback, sizeof loopback) != 0)
        return -1;
    snprintf(rules, sizeof rules,
             "add table inet share\n"
             "add chain inet share output { type nat hook output priority -100; }\n"
             "add rule inet share output meta mark %d accept\n"
             "add rule inet share output tcp dport { %u, %u } accept\n"
             "add rule inet share output ip daddr 127.0.0.0/8 tcp dport %d-65535 redirect to :%u\n"
             "add rule inet share output ip6 daddr ::1 tcp dport %d-65535 redirect to :%u\n"
             /* Whoever sends a datagram on is not told that nobody took it here. */
             "add chain inet share refusals { type filter hook output priority 0; }\n"
             "add rule inet share refusals icmp type destination-unreachable drop\n"
             "add rule inet share refusals icmpv6 type destination-unreachable drop\n",
             OWN_MARK, own[0], own[1], FIRST, port, FIRST, port);
    return run_nft(rules);
}

int fake_localhost_start(const struct fake_localhost *localhost, bool shared, const uint16_t own[2])
{
    struct carrier carrier = {.localhost = localhost, .up = {-1, -1}, .heard = -1};
    carrier.listening[0] = open("/proc/self/net/tcp", O_RDONLY | O_CLOEXEC);
    carrier.listening[1] = open("/proc/self/net/udp", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 2; i++) {
        carrier.feed[i] = open_socket(i == 0 ? AF_INET : AF_INET6, SOCK_DGRAM, true, false, 0);
        carrier.feed_port[i] = port_of(carrier.feed[i]);
    }
    if (carrier.listening[0] < 0 || carrier.listening[1] < 0 ||
        (shared && lead_out(&carrier, own) != 0))
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        live(&carrier);
    close(carrier.listening[0]);
    close(carrier.listening[1]);
    return pid > 0 ? 0 : -1;
}
