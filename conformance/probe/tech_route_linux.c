/*
 * tech_route_linux.c - a guest's root makes devices and routes, then tries to use them.
 *
 * Whatever was added is taken away again: the rows that follow are not this one's business.
 */
#include <errno.h>
#include <net/if.h>

#include "net.h"
#include "netlink_linux.h"
#include "techniques.h"

struct routes {
    const struct probe_step *step;
    struct probe_outcome *out;
    struct probe_address address;
};

static void try_through(const char *name, unsigned index, void *context)
{
    struct routes *routes = context;
    int family = routes->address.storage.ss_family;
    bool own = probe_owns_kernel(routes->step->self);
    const char *source = family == AF_INET ? "203.0.113.200" : "2001:db8:1::200";
    unsigned bits = family == AF_INET ? 32 : 128;
    int up = probe_link_up(index);
    if (own) /* the control needs none, and its devices are to stay as they are */
        probe_link_address(index, source, bits);
    int routed = probe_route_add(family, index, NULL);
    if (up != 0)
        probe_try_errno(routes->out, up, "bring up %s", name);
    if (routed != 0)
        probe_try_errno(routes->out, routed, "default route through %s", name);
    else
        probe_try(routes->out, PROBE_ERROR, 0, "default route through %s", name);
    probe_tcp_once(routes->step, &routes->address, NULL, 4, routes->out);
    if (routed == 0)
        probe_route_remove(family, index, NULL);
    if (own)
        probe_link_unaddress(index, source, bits);
}

void probe_tech_route_add(const struct probe_step *step, struct probe_outcome *out)
{
    static const char name[] = "firmaprobe0";
    struct routes routes = {.step = step, .out = out};
    if (!probe_address_of(step, 443, &routes.address, out))
        return;
    int made = probe_link_add(name, "dummy");
    if (made == 0)
        made = probe_link_address(if_nametoindex(name), "203.0.113.200", 32);
    if (made != 0)
        probe_try_errno(out, made, "new device");
    if (probe_interfaces(try_through, &routes) == 0)
        probe_tcp_once(step, &routes.address, NULL, 1, out);
    if (if_nametoindex(name) != 0)
        probe_link_remove(name);
}
