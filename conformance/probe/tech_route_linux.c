/*
 * tech_route_linux.c - a guest's root makes devices and routes, then tries to use them.
 *
 * Whatever was added is taken away again: the rows that follow are not this one's business.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

struct message {
    struct nlmsghdr head;
    unsigned char body[512];
};

static void start(struct message *message, unsigned type, unsigned flags, const void *body,
                  size_t length)
{
    memset(message, 0, sizeof *message);
    message->head.nlmsg_type = (uint16_t)type;
    message->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    message->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(length);
    memcpy(message->body, body, length);
}

static struct rtattr *attribute(struct message *message, unsigned type, const void *data,
                                size_t length)
{
    size_t at = NLMSG_ALIGN(message->head.nlmsg_len);
    struct rtattr *added = (struct rtattr *)(void *)((unsigned char *)message + at);
    added->rta_type = (uint16_t)type;
    added->rta_len = (uint16_t)RTA_LENGTH(length);
    if (length > 0)
        memcpy(RTA_DATA(added), data, length);
    message->head.nlmsg_len = (uint32_t)(at + RTA_ALIGN(added->rta_len));
    return added;
}

/* Sends MESSAGE and reads its acknowledgement: 0, or an errno. */
static int exchange(struct message *message)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        unsigned char rest[1024];
    } answer;
    int fd = probe_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    int failed = fd < 0 ? errno : 0;
    if (failed == 0 && (send(fd, message, message->head.nlmsg_len, 0) < 0 ||
                        recv(fd, &answer, sizeof answer, 0) < 0))
        failed = errno;
    if (failed == 0 && answer.head.nlmsg_type == NLMSG_ERROR)
        failed = -answer.error.error;
    if (fd >= 0)
        close(fd);
    return failed;
}

static int add_device(const char *name, const char *kind)
{
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
    struct message message;
    start(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
    attribute(&message, IFLA_IFNAME, name, strlen(name) + 1);
    struct rtattr *info = attribute(&message, IFLA_LINKINFO, NULL, 0);
    attribute(&message, IFLA_INFO_KIND, kind, strlen(kind));
    info->rta_len =
        (uint16_t)((unsigned char *)&message + message.head.nlmsg_len - (unsigned char *)info);
    return exchange(&message);
}

static int remove_device(const char *name)
{
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(name)};
    struct message message;
    start(&message, RTM_DELLINK, 0, &body, sizeof body);
    return exchange(&message);
}

static int set_up(unsigned index)
{
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC,
                             .ifi_index = (int)index,
                             .ifi_flags = IFF_UP,
                             .ifi_change = IFF_UP};
    struct message message;
    start(&message, RTM_NEWLINK, 0, &body, sizeof body);
    return exchange(&message);
}

static int add_address(unsigned index)
{
    struct ifaddrmsg body = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = index};
    struct in_addr address;
    struct message message;
    inet_pton(AF_INET, "203.0.113.200", &address);
    start(&message, RTM_NEWADDR, NLM_F_CREATE, &body, sizeof body);
    attribute(&message, IFA_LOCAL, &address, sizeof address);
    return exchange(&message);
}

/* A default route out of INDEX, of a metric nothing else has, so that it can be told apart. */
static int change_route(unsigned type, int family, unsigned index)
{
    struct rtmsg body = {.rtm_family = (unsigned char)family,
                         .rtm_table = RT_TABLE_MAIN,
                         .rtm_protocol = RTPROT_STATIC,
                         .rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
                         .rtm_type = RTN_UNICAST};
    unsigned metric = 7;
    struct message message;
    start(&message, type, type == RTM_NEWROUTE ? NLM_F_CREATE : 0, &body, sizeof body);
    attribute(&message, RTA_OIF, &index, sizeof index);
    attribute(&message, RTA_PRIORITY, &metric, sizeof metric);
    return exchange(&message);
}

struct routes {
    const struct probe_step *step;
    struct probe_outcome *out;
    struct probe_address address;
};

static void try_through(const char *name, unsigned index, void *context)
{
    struct routes *routes = context;
    int family = routes->address.storage.ss_family;
    int up = set_up(index);
    int routed = change_route(RTM_NEWROUTE, family, index);
    if (up != 0)
        probe_try_errno(routes->out, up, "bring up %s", name);
    if (routed != 0)
        probe_try_errno(routes->out, routed, "default route through %s", name);
    else
        probe_try(routes->out, PROBE_ERROR, 0, "default route through %s", name);
    probe_tcp_once(routes->step, &routes->address, NULL, 4, routes->out);
    if (routed == 0)
        change_route(RTM_DELROUTE, family, index);
}

void probe_tech_route_add(const struct probe_step *step, struct probe_outcome *out)
{
    static const char name[] = "firmaprobe0";
    struct routes routes = {.step = step, .out = out};
    if (!probe_address_of(step, 443, &routes.address, out))
        return;
    int made = add_device(name, "dummy");
    if (made == 0)
        made = add_address(if_nametoindex(name));
    if (made != 0)
        probe_try_errno(out, made, "new device");
    if (probe_interfaces(try_through, &routes) == 0)
        probe_tcp_once(step, &routes.address, NULL, 1, out);
    if (if_nametoindex(name) != 0)
        remove_device(name);
}
