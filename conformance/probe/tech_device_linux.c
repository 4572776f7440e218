/* tech_device_linux.c - network devices that a guest's root makes for itself, and tunnels. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net.h"
#include "netlink_linux.h"
#include "root_linux.h"
#include "techniques.h"

static const char device[] = "firmaprobe1";

enum { SHARE = 600 }; /* milliseconds one kind of device may take to lead nowhere */

static void note(struct probe_outcome *out, const char *what, int failed)
{
    probe_try(out, PROBE_ERROR, 0, "%s: %s", what, failed == 0 ? "done" : probe_errno_name(failed));
}

/* ---- devices: one kind after the other, an address and the default route on it ---- */

static void try_kind(const struct probe_step *step, const char *kind, struct probe_outcome *out)
{
    probe_load(step, kind);
    int failed = probe_link_add(device, kind);
    note(out, kind, failed);
    if (failed != 0)
        return;
    unsigned index = if_nametoindex(device);
    probe_link_address(index, "198.18.0.1", 24);
    probe_link_up(index);
    int routed = probe_route_add(AF_INET, index, "198.18.0.2");
    probe_then(step, out);
    if (routed == 0)
        probe_route_remove(AF_INET, index, "198.18.0.2");
    probe_link_remove(device);
}

void probe_tech_devices(const struct probe_step *step, struct probe_outcome *out)
{
    static const char *const kinds[] = {"dummy", "veth", "bridge", "ifb"};
    /* Which these two drivers make by themselves, and which would be in the way of other rows. */
    static const char *const spare[] = {"dummy0", "ifb0", "ifb1"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct probe_step part = *step;
        part.expires = probe_now() + SHARE * 1000000u;
        try_kind(&part, kinds[i], out);
    }
    for (size_t i = 0; probe_owns_kernel(step->self) && i < sizeof spare / sizeof *spare; i++)
        probe_link_remove(spare[i]);
    probe_then(step, out);
}

/* ---- vxlan: the nonce in a frame in a datagram to the step's address (RFC 7348) ---- */

static int add_vxlan(const struct sockaddr_in *remote)
{
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
    uint32_t id = 42;
    uint16_t port = htons(4789);
    struct probe_message message;
    probe_message_start(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
    probe_message_add(&message, IFLA_IFNAME, device, sizeof device);
    struct rtattr *info = probe_message_add(&message, IFLA_LINKINFO, NULL, 0);
    probe_message_add(&message, IFLA_INFO_KIND, "vxlan", 5);
    struct rtattr *data = probe_message_add(&message, IFLA_INFO_DATA, NULL, 0);
    probe_message_add(&message, IFLA_VXLAN_ID, &id, sizeof id);
    probe_message_add(&message, IFLA_VXLAN_GROUP, &remote->sin_addr, 4);
    probe_message_add(&message, IFLA_VXLAN_PORT, &port, sizeof port);
    probe_message_close(&message, data);
    probe_message_close(&message, info);
    return probe_message_exchange(&message, NETLINK_ROUTE);
}

void probe_tech_vxlan(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address, inner;
    if (!probe_address_of(step, 0, &address, out) || address.storage.ss_family != AF_INET ||
        !probe_address_make(&inner, "198.18.0.255", 9))
        return;
    int failed = add_vxlan((const struct sockaddr_in *)&address.storage);
    note(out, "vxlan", failed);
    if (failed != 0) {
        probe_try_errno(out, failed, "vxlan to %s", address.text);
        return;
    }
    unsigned index = if_nametoindex(device);
    probe_link_address(index, "198.18.0.1", 24);
    probe_link_up(index);
    /* To the broadcast address of the network inside: no neighbour has to be found first. */
    int fd = probe_socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
    if (fd < 0 || sendto(fd, step->nonce, PROBE_NONCE, 0, probe_sockaddr(&inner), inner.length) < 0)
        probe_try_errno(out, errno, "through vxlan to %s", address.text);
    else
        probe_try(out, PROBE_SENT, 0, "through vxlan to %s", address.text);
    if (fd >= 0)
        close(fd);
    probe_link_remove(device);
}

/* ---- tun: a device of our own, a default route by it, and what comes out of it ---- */

static int open_tun(void)
{
    char path[PROBE_PATH];
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0 && probe_node(path, "tun", false, 10, 200))
        fd = open(path, O_RDWR | O_CLOEXEC);
    strcpy(request.ifr_name, device);
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        fd = -1;
    }
    return fd;
}

void probe_tech_tun(const struct probe_step *step, struct probe_outcome *out)
{
    int fd = open_tun();
    note(out, "tun", fd >= 0 ? 0 : errno);
    if (fd >= 0) {
        unsigned index = if_nametoindex(device);
        probe_link_address(index, "198.18.0.1", 24);
        probe_link_up(index);
        probe_route_add(AF_INET, index, "198.18.0.2");
    }
    probe_then(step, out);
    if (fd >= 0)
        close(fd);
}

/* ---- families: whatever the kernel has that may have a road of its own ---- */

static void try_family(const struct probe_step *step, const struct probe_address *address,
                       int family, int type, int protocol, struct probe_outcome *out)
{
    int fd = probe_socket(family, type, protocol);
    if (fd < 0) {
        probe_try_errno(out, errno, "family %d", family);
        return;
    }
    int failed = probe_connect_fd(fd, address, probe_left(step, 6));
    if (failed != 0)
        probe_try_errno(out, failed, "family %d protocol %d", family, protocol);
    else
        probe_exchange(fd, step->nonce, PROBE_NONCE, probe_left(step, 6), out);
    close(fd);
}

void probe_tech_families(const struct probe_step *step, struct probe_outcome *out)
{
    /* MPTCP, SMC over IPv4, RDS, TIPC, QIPCRTR, Bluetooth, KCM. No AF_VSOCK: see there. */
    static const int tries[][3] = {{AF_INET, SOCK_STREAM, 262}, {43, SOCK_STREAM, 0},
                                   {21, SOCK_SEQPACKET, 0},     {30, SOCK_STREAM, 0},
                                   {42, SOCK_DGRAM, 0},         {31, SOCK_STREAM, 3},
                                   {41, SOCK_DGRAM, 0}};
    struct probe_address address;
    if (!probe_address_of(step, 443, &address, out))
        return;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        try_family(step, &address, tries[i][0], tries[i][1], tries[i][2], out);
}
