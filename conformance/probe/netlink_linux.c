#include "netlink_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

enum { METRIC = 7 };

void probe_message_start(struct probe_message *message, unsigned type, unsigned flags,
                         const void *body, size_t length)
{
    memset(message, 0, sizeof *message);
    message->head.nlmsg_type = (uint16_t)type;
    message->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    message->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(length);
    memcpy(message->body, body, length);
}

struct rtattr *probe_message_add(struct probe_message *message, unsigned type, const void *data,
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

void probe_message_close(struct probe_message *message, struct rtattr *outer)
{
    outer->rta_len =
        (uint16_t)((unsigned char *)message + message->head.nlmsg_len - (unsigned char *)outer);
}

int probe_message_exchange(struct probe_message *message, int protocol)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        unsigned char rest[1024];
    } answer;
    int fd = probe_socket(AF_NETLINK, SOCK_RAW, protocol);
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

int probe_link_add(const char *name, const char *kind)
{
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
    struct probe_message message;
    probe_message_start(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
    probe_message_add(&message, IFLA_IFNAME, name, strlen(name) + 1);
    struct rtattr *info = probe_message_add(&message, IFLA_LINKINFO, NULL, 0);
    probe_message_add(&message, IFLA_INFO_KIND, kind, strlen(kind));
    probe_message_close(&message, info);
    return probe_message_exchange(&message, NETLINK_ROUTE);
}

int probe_link_remove(const char *name)
{
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(name)};
    struct probe_message message;
    probe_message_start(&message, RTM_DELLINK, 0, &body, sizeof body);
    return probe_message_exchange(&message, NETLINK_ROUTE);
}

int probe_link_up(unsigned index)
{
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC,
                             .ifi_index = (int)index,
                             .ifi_flags = IFF_UP,
                             .ifi_change = IFF_UP};
    struct probe_message message;
    probe_message_start(&message, RTM_NEWLINK, 0, &body, sizeof body);
    return probe_message_exchange(&message, NETLINK_ROUTE);
}

/* The bytes of an address of either family; their number, 0 when TEXT is none. */
static size_t bytes_of(const char *text, unsigned char bytes[16], unsigned char *family)
{
    *family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(*family, text, bytes) != 1)
        return 0;
    return *family == AF_INET ? 4 : 16;
}

static int change_address(unsigned type, unsigned index, const char *address, unsigned prefix)
{
    struct ifaddrmsg body = {
        .ifa_prefixlen = (unsigned char)prefix, .ifa_flags = IFA_F_NODAD, .ifa_index = index};
    unsigned char bytes[16];
    struct probe_message message;
    size_t length = bytes_of(address, bytes, &body.ifa_family);
    if (length == 0)
        return EINVAL;
    probe_message_start(&message, type, type == RTM_NEWADDR ? NLM_F_CREATE : 0, &body, sizeof body);
    probe_message_add(&message, IFA_LOCAL, bytes, length);
    probe_message_add(&message, IFA_ADDRESS, bytes, length);
    return probe_message_exchange(&message, NETLINK_ROUTE);
}

int probe_link_address(unsigned index, const char *address, unsigned prefix)
{
    return change_address(RTM_NEWADDR, index, address, prefix);
}

int probe_link_unaddress(unsigned index, const char *address, unsigned prefix)
{
    return change_address(RTM_DELADDR, index, address, prefix);
}

static int change_route(unsigned type, int family, unsigned index, const char *gateway)
{
    struct rtmsg body = {.rtm_family = (unsigned char)family,
                         .rtm_table = RT_TABLE_MAIN,
                         .rtm_protocol = RTPROT_STATIC,
                         .rtm_scope = family == AF_INET && gateway == NULL ? RT_SCOPE_LINK
                                                                           : RT_SCOPE_UNIVERSE,
                         .rtm_type = RTN_UNICAST};
    unsigned metric = METRIC;
    unsigned char bytes[16], gateway_family;
    struct probe_message message;
    probe_message_start(&message, type, type == RTM_NEWROUTE ? NLM_F_CREATE : 0, &body,
                        sizeof body);
    probe_message_add(&message, RTA_OIF, &index, sizeof index);
    probe_message_add(&message, RTA_PRIORITY, &metric, sizeof metric);
    size_t length = gateway == NULL ? 0 : bytes_of(gateway, bytes, &gateway_family);
    if (length > 0)
        probe_message_add(&message, RTA_GATEWAY, bytes, length);
    return probe_message_exchange(&message, NETLINK_ROUTE);
}

int probe_route_add(int family, unsigned index, const char *gateway)
{
    return change_route(RTM_NEWROUTE, family, index, gateway);
}

int probe_route_remove(int family, unsigned index, const char *gateway)
{
    return change_route(RTM_DELROUTE, family, index, gateway);
}
