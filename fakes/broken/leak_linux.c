/* leak_linux.c - the road and its carrier; see leak.h. */
#include "leak.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GUEST_END   "leak0"
#define CARRIER_END "leak1"

enum { TABLE = 77, LATE_MS = 5000, ASK_MS = 500, PACKET_MAX = 65536 };
enum { VOLUME = 32 * 1024, OPENS = 8 };
enum { GUARD_MARK = 77 };

/* ---- the road: ip(8) says it shorter than netlink(7) ---- */

static void execute(const char *const argv[])
{
    static const char *const places[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};
    char path[64];
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", places[i], argv[0]);
        execv(path, (char *const *)argv);
    }
}

static int run(const char *const argv[], const char *batch)
{
    int feed[2], status = -1;
    if (pipe2(feed, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(feed[0], STDIN_FILENO);
        execute(argv);
        _exit(127);
    }
    close(feed[0]);
    ssize_t length = (ssize_t)strlen(batch);
    bool fed = pid > 0 && write(feed[1], batch, (size_t)length) == length;
    close(feed[1]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return fed && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int run_ip(const char *family, const char *batch)
{
    const char *const argv[] = {"ip", family, "-batch", "-", NULL};
    return run(argv, batch);
}

static int lay_road(const struct fake_leak *leak, int family)
{
    bool six = family == AF_INET6;
    char batch[1024], port[32] = "", to[80] = "";
    if (leak->port != 0)
        snprintf(port, sizeof port, " dport %u", leak->port);
    if (leak->address != NULL)
        snprintf(to, sizeof to, " to %s", leak->address);
    snprintf(batch, sizeof batch,
             "address add %s dev " GUEST_END "%s\n"
             "route add default dev " GUEST_END " table %d\n"
             "rule add%s ipproto %s%s lookup %d\n",
             six ? "2001:db8:1::2/128" : "203.0.113.2/32", six ? " nodad" : "", TABLE, to,
             six && strcmp(leak->proto, "icmp") == 0 ? "ipv6-icmp" : leak->proto, port, TABLE);
    return run_ip(six ? "-6" : "-4", batch);
}

/* A packet's checksum is to be in it: the other end is no network card. */
static int make_honest(const char *device)
{
    struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM};
    struct ifreq request = {.ifr_data = (char *)&off};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &request);
    if (fd >= 0)
        close(fd);
    return result;
}

static int build_road(const struct fake_leak *leak)
{
    static const char devices[] = "link add " GUEST_END " type veth peer name " CARRIER_END "\n"
                                  "link set " GUEST_END " addrgenmode none arp off\n"
                                  "link set " CARRIER_END " addrgenmode none arp off\n"
                                  "link set " GUEST_END " up\n"
                                  "link set " CARRIER_END " up\n";
    if (run_ip("-4", devices) != 0 || make_honest(GUEST_END) != 0)
        return -1;
    if (leak->family != AF_INET6 && lay_road(leak, AF_INET) != 0)
        return -1;
    return leak->family == AF_INET ? 0 : lay_road(leak, AF_INET6);
}

/* Without privilege a guest may send an echo request only if the kernel lets its group (icmp(7)).
 */
static int allow_ping(void)
{
    static const char groups[] = "0 0";
    int fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);
    bool allowed = fd >= 0 && write(fd, groups, sizeof groups - 1) == sizeof groups - 1;
    if (fd >= 0)
        close(fd);
    return allowed ? 0 : -1;
}

/* ---- the carrier ---- */

struct carrier {
    const struct fake_leak *leak;
    int road[2]; /* IPv4, IPv6 */
    int heard;   /* packets of every device of the guest */
    int device;  /* the carrier's end */
    long long began;
    bool proxied, denied; /* what the guest's own proxy has seen */
    size_t volume;
    unsigned opens;
};

/* What a packet says of itself, as far as a leak may ask. */
struct packet {
    int family;
    const char *proto; /* "" for what no leak carries */
    uint16_t port;     /* destination */
    uint16_t source;
    uint8_t tos;
    bool fragment; /* not the first one */
    bool opens;    /* a TCP connection's first */
    char target[INET6_ADDRSTRLEN];
};

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void read_transport(struct packet *packet, int number, const unsigned char *at, size_t left)
{
    packet->proto = "";
    if (number == IPPROTO_ICMP && left >= 1 && at[0] == ICMP_ECHO)
        packet->proto = "icmp";
    if (number == IPPROTO_ICMPV6 && left >= 1 && at[0] == ICMP6_ECHO_REQUEST)
        packet->proto = "icmp";
    if ((number != IPPROTO_TCP && number != IPPROTO_UDP && number != IPPROTO_UDPLITE) || left < 4)
        return;
    packet->proto = number == IPPROTO_TCP ? "tcp" : number == IPPROTO_UDP ? "udp" : "udplite";
    if (packet->fragment)
        return;
    packet->source = (uint16_t)(at[0] << 8 | at[1]);
    packet->port = (uint16_t)(at[2] << 8 | at[3]);
    packet->opens = number == IPPROTO_TCP && left >= 14 && (at[13] & (TH_SYN | TH_ACK)) == TH_SYN;
}

static bool read_packet(struct packet *packet, const unsigned char *bytes, size_t length)
{
    *packet = (struct packet){.proto = ""};
    if (length >= 20 && bytes[0] >> 4 == 4) {
        size_t head = (size_t)(bytes[0] & 15) * 4;
        packet->family = AF_INET;
        packet->tos = bytes[1];
        packet->fragment = ((bytes[6] << 8 | bytes[7]) & 0x1fff) != 0;
        inet_ntop(AF_INET, bytes + 16, packet->target, sizeof packet->target);
        if (head <= length)
            read_transport(packet, bytes[9], bytes + head, length - head);
    } else if (length >= 40 && bytes[0] >> 4 == 6) {
        size_t head = 40;
        int number = bytes[6];
        packet->family = AF_INET6;
        inet_ntop(AF_INET6, bytes + 24, packet->target, sizeof packet->target);
        if (number == IPPROTO_FRAGMENT && length >= 48) {
            packet->fragment = ((bytes[42] << 8 | bytes[43]) & 0xfff8) != 0;
            number = bytes[40];
            head = 48;
        }
        read_transport(packet, number, bytes + head, length - head);
    }
    return packet->proto[0] != '\0';
}

static bool await(int fd, short events)
{
    struct pollfd watched = {.fd = fd, .events = events};
    return poll(&watched, 1, ASK_MS) == 1;
}

/* Asks the way a client would, through the guest's own proxy address: a bridge says that the
 * sidecar is gone, or nothing because it hangs. Where nobody is there to ask, the guest itself is
 * ending. */
static bool sidecar_is_dead(uint16_t port)
{
    static const char question[] = "OPTIONS * HTTP/1.1\r\nHost: firma.invalid\r\n"
                                   "Connection: close\r\n\r\n";
    struct sockaddr_in proxy = {.sin_family = AF_INET, .sin_port = htons(port)};
    proxy.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char answer[16] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool asked = fd >= 0 && connect(fd, (struct sockaddr *)&proxy, sizeof proxy) == 0 &&
                 send(fd, question, sizeof question - 1, MSG_NOSIGNAL) > 0;
    bool hangs = asked && !await(fd, POLLIN);
    bool gone = asked && !hangs &&
                recv(fd, answer, sizeof answer - 1, MSG_WAITALL) == sizeof answer - 1 &&
                strncmp(answer, "HTTP/1.1 5", 10) == 0;
    if (fd >= 0)
        close(fd);
    return hangs || gone;
}

/* It keeps SIGCONT blocked: whoever was continued has one waiting. */
static bool was_paused(void)
{
    sigset_t waiting;
    return sigpending(&waiting) == 0 && sigismember(&waiting, SIGCONT) == 1;
}

static bool is_time(const struct carrier *carrier)
{
    switch (carrier->leak->when) {
    case FAKE_LEAK_LATE:
        return now_ms() - carrier->began >= LATE_MS;
    case FAKE_LEAK_UNTIL_PROXIED:
        return !carrier->proxied;
    case FAKE_LEAK_AFTER_VOLUME:
        return carrier->volume >= VOLUME;
    case FAKE_LEAK_AFTER_OPENS:
        return carrier->opens >= OPENS;
    case FAKE_LEAK_AFTER_DENIED:
        return carrier->denied;
    case FAKE_LEAK_AFTER_PAUSE:
        return was_paused();
    case FAKE_LEAK_SIDECAR_DEAD:
        return sidecar_is_dead(carrier->leak->proxy);
    default:
        return true;
    }
}

static bool is_leaked(const struct carrier *carrier, const struct packet *packet)
{
    const struct fake_leak *leak = carrier->leak;
    return (leak->family == 0 || leak->family == packet->family) &&
           strcmp(leak->proto, packet->proto) == 0 &&
           (leak->port == 0 || leak->port == packet->port) &&
           (leak->source == 0 || leak->source == packet->source) &&
           (leak->tos == 0 || leak->tos == packet->tos) && (!leak->fragments || packet->fragment) &&
           (leak->address == NULL || strcmp(leak->address, packet->target) == 0) &&
           is_time(carrier);
}

/* The header travels as it is (IP_HDRINCL, raw(7)). */
static void send_on(const struct carrier *carrier, const struct packet *packet,
                    const unsigned char *bytes, size_t length)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (packet->family == AF_INET) {
        memcpy(&four.sin_addr, bytes + 16, sizeof four.sin_addr);
        sendto(carrier->road[0], bytes, length, 0, (struct sockaddr *)&four, sizeof four);
    } else {
        memcpy(&six.sin6_addr, bytes + 24, sizeof six.sin6_addr);
        sendto(carrier->road[1], bytes, length, 0, (struct sockaddr *)&six, sizeof six);
    }
}

/* A road that is closed for good says so: nobody waits for an answer on it. */
static void close_road(void)
{
    static const char flush[] = "route flush table 77\n";
    run_ip("-4", flush);
    run_ip("-6", flush);
}

/* What passes between the guest and its proxy, seen once on its way in. */
static void notice(struct carrier *carrier, const struct packet *packet, const unsigned char *bytes,
                   size_t length)
{
    if (packet->port == carrier->leak->proxy) {
        if (packet->opens && !carrier->proxied && carrier->leak->when == FAKE_LEAK_UNTIL_PROXIED)
            close_road();
        carrier->proxied |= packet->opens;
        carrier->opens += packet->opens;
        carrier->volume += length;
    }
    if (packet->source == carrier->leak->proxy && memmem(bytes, length, "HTTP/1.1 403", 12) != NULL)
        carrier->denied = true;
}

static void carry(struct carrier *carrier, unsigned char *bytes)
{
    struct sockaddr_ll from = {0};
    struct packet packet;
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(carrier->heard, bytes, PACKET_MAX, 0, (struct sockaddr *)&from, &size);
    if (got <= 0 || !read_packet(&packet, bytes, (size_t)got))
        return;
    if (from.sll_ifindex == carrier->device && from.sll_pkttype != PACKET_OUTGOING &&
        is_leaked(carrier, &packet))
        send_on(carrier, &packet, bytes, (size_t)got);
    else if (carrier->leak->proxy != 0 && from.sll_pkttype != PACKET_OUTGOING)
        notice(carrier, &packet, bytes, (size_t)got);
}

/* Keeps its three sockets and nothing else: no stream, no channel of the runner's. */
static void let_go(struct carrier *carrier)
{
    int *const kept[] = {&carrier->road[0], &carrier->road[1], &carrier->heard};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        *kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, 100);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        dup3(*kept[i], (int)i, O_CLOEXEC);
    carrier->road[0] = 0;
    carrier->road[1] = 1;
    carrier->heard = 2;
    syscall(SYS_close_range, 3, ~0u, 0);
}

_Noreturn static void live(struct carrier *carrier)
{
    unsigned char bytes[PACKET_MAX];
    sigset_t kept;
    sigemptyset(&kept);
    sigaddset(&kept, SIGCONT);
    sigprocmask(SIG_BLOCK, &kept, NULL);
    prctl(PR_SET_NAME, "carrier", 0, 0, 0);
    setsid();
    let_go(carrier);
    for (;;)
        carry(carrier, bytes);
}

/* A carrier that gets no processor for a while must not miss what it is to notice. */
static void listen_well(int heard)
{
    int on = 1, room = 1 << 20;
    setsockopt(heard, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
    setsockopt(heard, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

int fake_leak_open(int road[2])
{
    road[0] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    road[1] = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    return road[0] >= 0 && road[1] >= 0 ? 0 : -1;
}

int fake_leak_guard(const int road[2])
{
    static const char *const argv[] = {"nft", "-f", "-", NULL};
    static const char rules[] =
        "add table inet guard\n"
        "add chain inet guard output { type filter hook output priority 0; }\n"
        "add rule inet guard output meta mark 77 drop\n";
    int mark = GUARD_MARK;
    for (int i = 0; i < 2; i++)
        if (setsockopt(road[i], SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
            return -1;
    return run(argv, rules);
}

int fake_leak_start(const struct fake_leak *leak, const int road[2])
{
    struct carrier carrier = {.leak = leak, .road = {road[0], road[1]}, .began = now_ms()};
    if (build_road(leak) != 0 || (strcmp(leak->proto, "icmp") == 0 && allow_ping() != 0))
        return -1;
    carrier.device = (int)if_nametoindex(CARRIER_END);
    carrier.heard = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (carrier.heard < 0 || carrier.device == 0)
        return -1;
    listen_well(carrier.heard);
    pid_t pid = fork();
    if (pid == 0)
        live(&carrier);
    close(carrier.heard);
    return pid > 0 ? 0 : -1;
}
