/* netlink_linux.h - rtnetlink(7) by hand: what a guest's root does to devices, addresses, routes.
 */
#ifndef PROBE_NETLINK_H
#define PROBE_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

struct probe_message {
    struct nlmsghdr head;
    unsigned char body[512];
};

/* Begins a request of TYPE with its fixed part; FLAGS beside REQUEST and ACK. */
void probe_message_start(struct probe_message *message, unsigned type, unsigned flags,
                         const void *body, size_t length);
/* Appends an attribute. One with LENGTH 0 may be closed later over what follows it. */
struct rtattr *probe_message_add(struct probe_message *message, unsigned type, const void *data,
                                 size_t length);
/* Makes OUTER contain everything that was appended behind it. */
void probe_message_close(struct probe_message *message, struct rtattr *outer);
/* Sends MESSAGE over PROTOCOL (NETLINK_ROUTE…) and reads its acknowledgement: 0, or an errno. */
int probe_message_exchange(struct probe_message *message, int protocol);

/* Each returns 0 or an errno. */
int probe_link_add(const char *name, const char *kind);
int probe_link_remove(const char *name);
int probe_link_up(unsigned index);
/* ADDRESS is an IP literal of either family. */
int probe_link_address(unsigned index, const char *address, unsigned prefix);
int probe_link_unaddress(unsigned index, const char *address, unsigned prefix);
/* A default route of FAMILY out of INDEX, by way of GATEWAY (NULL: on the link), of a metric that
 * nothing else has, so that it can be told apart. */
int probe_route_add(int family, unsigned index, const char *gateway);
int probe_route_remove(int family, unsigned index, const char *gateway);

#endif
