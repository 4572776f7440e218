#include "lab/roads_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A link that has just come up may lose its first frame (the kernel starts its queue a moment
 * later): long enough for the second and third SYN. The first road is TCP, so the rest find it up.
 */
enum { CONNECT_MS = 5000, DNS_PORT = 53 };

enum road_kind { STREAM, DATAGRAM, QUERY, ECHO };

/* The roads over the link; honeypots are added by name. */
static const struct road {
    const char *name;
    int family;
    enum road_kind kind;
} ROADS[] = {
    {"tcp4", AF_INET, STREAM},    {"tcp6", AF_INET6, STREAM}, {"udp4", AF_INET, DATAGRAM},
    {"udp6", AF_INET6, DATAGRAM}, {"dns4", AF_INET, QUERY},   {"dns6", AF_INET6, QUERY},
    {"icmp4", AF_INET, ECHO},     {"icmp6", AF_INET6, ECHO},
};

static const struct road *find_road(const char *name)
{
    for (size_t i = 0; i < sizeof ROADS / sizeof ROADS[0]; i++)
        if (strcmp(ROADS[i].name, name) == 0)
            return &ROADS[i];
    return NULL;
}

/* The nonce picks address and port, so that even a bare frame names its heartbeat. */
static void pick_address(const struct road *road, struct cf_heartbeat *beat)
{
    unsigned char r[CF_NONCE_BYTES];
    struct in6_addr address6 = {{{0x20, 0x01, 0x0d, 0xb8, 0xbe, 0xef}}};
    cf_nonce_bytes(beat->nonce, r);
    if (road->family == AF_INET) {
        snprintf(beat->address, sizeof beat->address, "10.%d.%d.%d", r[0], r[1], 1 + r[2] % 254);
    } else {
        memcpy(address6.s6_addr + 6, r, 10);
        address6.s6_addr[15] |= 1;
        inet_ntop(AF_INET6, &address6, beat->address, sizeof beat->address);
    }
    if (road->kind == STREAM || road->kind == DATAGRAM)
        beat->port = (uint16_t)(10000 + (r[14] << 8 | r[15]) % 50000);
    else
        beat->port = road->kind == QUERY ? DNS_PORT : 0;
    beat->wanted = CF_IN_CAPTURE | (road->kind == ECHO ? 0 : CF_IN_CANARY);
}

static void pick_honeypot(const struct cf_lab *lab, const struct cf_honeypot *pot,
                          struct cf_heartbeat *beat)
{
    const json_t *port = json_object_get(lab->facts, pot->name);
    const char *address = cf_lab_pot_address(pot->name);
    snprintf(beat->address, sizeof beat->address, "%s", port == NULL ? pot->name : address);
    beat->port = (uint16_t)json_integer_value(port);
    beat->wanted = CF_IN_HONEYPOTS;
}

int cf_roads_plan(const struct cf_lab *lab, struct cf_heartbeat beats[CF_ROADS_MAX], size_t *count,
                  struct cf_error *err)
{
    size_t links = sizeof ROADS / sizeof ROADS[0], all = links + lab->pot_count;
    for (size_t i = 0; i < all; i++) {
        struct cf_heartbeat *beat = &beats[i];
        *beat = (struct cf_heartbeat){.fd = -1};
        int result = cf_nonce(beat->nonce, err);
        if (result != 0)
            return result;
        beat->road = i < links ? ROADS[i].name : lab->pots[i - links].name;
        if (i < links)
            pick_address(&ROADS[i], beat);
        else
            pick_honeypot(lab, &lab->pots[i - links], beat);
    }
    *count = all;
    return 0;
}

static socklen_t internet_address(const struct cf_heartbeat *beat, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, beat->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(beat->port);
        return sizeof *v4;
    }
    inet_pton(AF_INET6, beat->address, &v6->sin6_addr);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(beat->port);
    return sizeof *v6;
}

static socklen_t unix_address(const struct cf_heartbeat *beat, struct sockaddr_storage *out)
{
    struct sockaddr_un *address = (struct sockaddr_un *)out;
    size_t length = strlen(beat->address);
    memset(out, 0, sizeof *out);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, beat->address, length);
    if (beat->address[0] == '@')
        address->sun_path[0] = '\0';
    else
        length++;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* RFC 1035: one question, type A, for NONCE.heartbeat.example. */
static size_t query(const char *nonce, unsigned char message[128])
{
    static const unsigned char tail[] = "\x09heartbeat\x07"
                                        "example\0\0\x01\0\x01";
    static const unsigned char head[12] = {0x5a, 0x5a, 1, 0, 0, 1};
    size_t length = strlen(nonce);
    memcpy(message, head, sizeof head);
    message[sizeof head] = (unsigned char)length;
    memcpy(message + sizeof head + 1, nonce, length);
    memcpy(message + sizeof head + 1 + length, tail, sizeof tail - 1);
    return sizeof head + 1 + length + sizeof tail - 1;
}

static size_t echo_request(int family, const char *nonce, unsigned char message[128])
{
    /* The first eight bytes are the header; a ping socket fills in identifier and checksum. */
    memset(message, 0, 8);
    message[0] = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
    memcpy(message + 8, nonce, strlen(nonce));
    return 8 + strlen(nonce);
}

static size_t payload(const struct road *road, const char *nonce, unsigned char message[128])
{
    if (road != NULL && road->kind == QUERY)
        return query(nonce, message);
    if (road != NULL && road->kind == ECHO)
        return echo_request(road->family, nonce, message);
    memcpy(message, nonce, strlen(nonce));
    return strlen(nonce);
}

static int open_socket(const struct road *road, const struct cf_heartbeat *beat, int family)
{
    bool stream = road == NULL ? family == AF_UNIX || strstr(beat->road, "tcp") != NULL
                               : road->kind == STREAM;
    int protocol = 0;
    if (road != NULL && road->kind == ECHO)
        protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    int type = stream ? SOCK_STREAM : SOCK_DGRAM;
    return socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

/* A connect that does not finish at once gets a short while. */
static int finish_connect(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t size = sizeof error;
    if (poll(&wait, 1, CONNECT_MS) > 0)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    return error == 0 ? 0 : -1;
}

void cf_roads_send(struct cf_heartbeat *beat)
{
    struct sockaddr_storage address;
    unsigned char message[128];
    const struct road *road = find_road(beat->road);
    bool local = beat->address[0] == '/' || beat->address[0] == '@';
    socklen_t size = local ? unix_address(beat, &address) : internet_address(beat, &address);
    size_t length = payload(road, beat->nonce, message);
    int fd = open_socket(road, beat, address.ss_family);
    bool sent = fd >= 0 && (connect(fd, (struct sockaddr *)&address, size) == 0 ||
                            (errno == EINPROGRESS && finish_connect(fd) == 0));
    sent = sent && send(fd, message, length, MSG_NOSIGNAL) == (ssize_t)length;
    if (sent) {
        beat->fd = fd;
        return;
    }
    beat->errnum = errno;
    if (fd >= 0)
        close(fd);
}
