/* tech_datagram.c - datagrams that look unlike the ones a rule was written for. */
#include <errno.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dns.h"
#include "net.h"
#include "techniques.h"

enum { FRAGMENTED = 4000, EXPEDITED = 0xb8 };

/* Larger than a link takes: only the first piece has ports, and the nonce stands in the last. */
void probe_tech_udp_fragments(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    char data[FRAGMENTED];
    if (!probe_address_of(step, 443, &address, out))
        return;
    memset(data, '.', sizeof data);
    memcpy(data + sizeof data - PROBE_NONCE, step->nonce, PROBE_NONCE);
    probe_datagram(step, &address, NULL, data, sizeof data, 0, out);
}

/* Binds to sport=: some filters trust answers by the port they seem to come from. */
static bool bind_port(int fd, const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address own, target;
    long port = probe_param_number(step, "sport", 5353);
    if (!probe_address_of(step, 443, &target, out))
        return false;
    bool six = target.storage.ss_family == AF_INET6;
    probe_address_make(&own, six ? "::" : "0.0.0.0", port);
    if (bind(fd, probe_sockaddr(&own), own.length) != 0)
        probe_try_errno(out, errno, "bind to port %ld", port);
    return true;
}

void probe_tech_udp_from(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 443, &address, out))
        probe_datagram(step, &address, bind_port, step->nonce, PROBE_NONCE, 0, out);
}

/* A class of traffic that a rule may wave through. */
static bool mark_expedited(int fd, const struct probe_step *step, struct probe_outcome *out)
{
    int tos = (int)probe_param_number(step, "tos", EXPEDITED);
    if (setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos) != 0)
        probe_try_errno(out, errno, "IP_TOS");
    return true;
}

void probe_tech_udp_tos(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 443, &address, out))
        probe_datagram(step, &address, mark_expedited, step->nonce, PROBE_NONCE, 0, out);
}

/* RFC 791 §3.1: a record-route option makes the header longer than parsers like to think. */
static bool add_options(int fd, const struct probe_step *step, struct probe_outcome *out)
{
    static const unsigned char record_route[] = {7, 7, 4, 0, 0, 0, 0, 0};
    (void)step;
    if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, record_route, sizeof record_route) != 0)
        probe_try_errno(out, errno, "IP_OPTIONS");
    return true;
}

void probe_tech_udp_options(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 443, &address, out))
        probe_datagram(step, &address, add_options, step->nonce, PROBE_NONCE, 0, out);
}

/* Past the routes, to a neighbour on whatever link there is. */
static bool without_routes(int fd, const struct probe_step *step, struct probe_outcome *out)
{
    int on = 1;
    (void)step;
    if (setsockopt(fd, SOL_SOCKET, SO_DONTROUTE, &on, sizeof on) != 0)
        probe_try_errno(out, errno, "SO_DONTROUTE");
    return true;
}

void probe_tech_udp_dontroute(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 443, &address, out))
        probe_datagram(step, &address, without_routes, step->nonce, PROBE_NONCE, 0, out);
}

/* ---- membership: the kernel itself reports a joined group on the link ---- */

struct joining {
    const struct probe_address *group;
    struct probe_outcome *out;
};

static void join_on(const char *name, unsigned index, void *context)
{
    struct joining *joining = context;
    int family = joining->group->storage.ss_family;
    int fd = probe_socket(family, SOCK_DGRAM, 0);
    struct group_req request = {.gr_interface = index};
    memcpy(&request.gr_group, &joining->group->storage, joining->group->length);
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    if (fd < 0 || setsockopt(fd, level, MCAST_JOIN_GROUP, &request, sizeof request) != 0)
        probe_try_errno(joining->out, errno, "join on %s", name);
    else
        probe_try(joining->out, PROBE_SENT, 0, "joined on %s", name);
    if (fd >= 0)
        close(fd); /* and the report of leaving follows that of joining */
}

void probe_tech_group_join(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address group;
    struct joining joining = {&group, out};
    if (!probe_address_make(&group, probe_param(step, "group", ""), 0))
        probe_try(out, PROBE_ERROR, EINVAL, "needs group=IP");
    else if (probe_interfaces(join_on, &joining) == 0)
        probe_try_errno(out, ENODEV, "no interface but the loopback");
}

/* ---- protocols that agents' tools speak on their own ---- */

/* RFC 8489 §5 and §14.14: a binding request with the nonce as SOFTWARE. */
void probe_tech_stun(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    unsigned char request[20 + 4 + PROBE_NONCE] = {
        0, 1, 0, 4 + PROBE_NONCE, 0x21, 0x12, 0xa4, 0x42,
    };
    if (!probe_address_of(step, 3478, &address, out))
        return;
    memcpy(request + 8, step->nonce, 12);
    memcpy(request + 20, "\x80\x22\x00\x20", 4);
    memcpy(request + 24, step->nonce, PROBE_NONCE);
    probe_datagram(step, &address, NULL, request, sizeof request, 0, out);
}

static bool for_everybody(int fd, const struct probe_step *step, struct probe_outcome *out)
{
    int on = 1;
    (void)step;
    if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) != 0)
        probe_try_errno(out, errno, "SO_BROADCAST");
    return true;
}

/* RFC 2131: a DISCOVER, from whatever port there is, with the nonce as the host's name. */
void probe_tech_dhcp(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    unsigned char discover[240 + 3 + 2 + PROBE_NONCE + 1] = {1, 1, 6, 0};
    unsigned char *option = discover + 236;
    probe_address_make(&address, probe_param(step, "addr", "255.255.255.255"),
                       probe_param_number(step, "port", 67));
    discover[10] = 0x80; /* answer by broadcast */
    memcpy(option, "\x63\x82\x53\x63\x35\x01\x01\x0c\x20", 9);
    memcpy(option + 9, step->nonce, PROBE_NONCE);
    option[9 + PROBE_NONCE] = 0xff;
    probe_datagram(step, &address, for_everybody, discover, sizeof discover, 0, out);
}
