/* tech_payload.c - protocols that carry the nonce in a place of their own: TLS, QUIC, multicast. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dns.h"
#include "net.h"
#include "techniques.h"

struct bytes {
    size_t used;
    unsigned char data[1500];
};

static void put(struct bytes *out, const void *data, size_t length)
{
    if (length > 0)
        memcpy(out->data + out->used, data, length);
    out->used += length;
}

static void put16(struct bytes *out, size_t value)
{
    unsigned char two[2] = {(unsigned char)(value >> 8), (unsigned char)value};
    put(out, two, 2);
}

/* RFC 8446 §4.1.2 with what a server needs to answer: one suite, the server's name. */
static void client_hello(struct bytes *out, const char *name)
{
    static const unsigned char versions[] = {0, 43, 0, 5, 4, 3, 4, 3, 3};
    static const unsigned char groups[] = {0, 10, 0, 4, 0, 2, 0, 29};
    static const unsigned char signatures[] = {0, 13, 0, 4, 0, 2, 4, 3};
    size_t host = strlen(name);
    size_t extensions = 9 + host + sizeof versions + sizeof groups + sizeof signatures;
    size_t hello = 2 + 32 + 1 + 2 + 2 + 2 + 2 + extensions;
    put(out, "\x16\x03\x01", 3);
    put16(out, hello + 4);
    put(out, "\x01\x00", 2);
    put16(out, hello);
    put(out, "\x03\x03", 2);
    put(out, name, 32); /* the nonce doubles as the random */
    put(out, "\x00\x00\x02\x13\x01\x01\x00", 7);
    put16(out, extensions);
    put16(out, 0); /* server_name */
    put16(out, host + 5);
    put16(out, host + 3);
    put(out, "\x00", 1);
    put16(out, host);
    put(out, name, host);
    put(out, versions, sizeof versions);
    put(out, groups, sizeof groups);
    put(out, signatures, sizeof signatures);
}

void probe_tech_tls(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    struct bytes hello = {0};
    char name[64];
    if (!probe_address_of(step, 443, &address, out))
        return;
    snprintf(name, sizeof name, "%s.example", step->nonce);
    client_hello(&hello, name);
    int fd = probe_connect(&address, probe_left(step, 2));
    if (fd < 0) {
        probe_try_errno(out, errno, "connect to %s", address.text);
        return;
    }
    probe_try(out, PROBE_CONNECTED, 0, "connected to %s", address.text);
    probe_exchange(fd, hello.data, hello.used, probe_left(step, 1), out);
    close(fd);
}

/* RFC 9000 §17.2.2: a long header whose token is the nonce, in a datagram of 1200 bytes. */
void probe_tech_quic_initial(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    struct bytes initial = {0};
    if (!probe_address_of(step, 443, &address, out))
        return;
    put(&initial, "\xc3\x00\x00\x00\x01\x08", 6);
    put(&initial, step->nonce, 8);
    put(&initial, "\x00", 1);
    put(&initial, "\x20", 1); /* token length */
    put(&initial, step->nonce, PROBE_NONCE);
    size_t rest = 1200 - initial.used - 2;
    put16(&initial, 0x4000 | rest);
    put(&initial, (unsigned char[1200]){0}, rest);
    probe_datagram(step, &address, NULL, initial.data, initial.used, 300, out);
}

/* ---- one datagram out of every interface ---- */

struct spread {
    const struct probe_step *step;
    struct probe_outcome *out;
    struct probe_address address;
    struct bytes payload;
};

/* What a listener of that port would expect; any other port gets the nonce alone. */
static void group_payload(struct spread *spread, long port)
{
    char text[256];
    struct bytes *out = &spread->payload;
    if (port == 5353 || port == 5355) {
        snprintf(text, sizeof text, "%s.local", spread->step->nonce);
        out->used = probe_dns_query(out->data, text, "A", 0);
    } else if (port == 1900) {
        int length = snprintf(text, sizeof text,
                              "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "
                              "\"ssdp:discover\"\r\nMX: 1\r\nST: %s\r\n\r\n",
                              spread->step->nonce);
        put(out, text, (size_t)length);
    } else {
        put(out, spread->step->nonce, PROBE_NONCE);
    }
}

static void send_out_of(const char *name, unsigned index, void *context)
{
    struct spread *spread = context;
    struct probe_address address = spread->address;
    int fd = probe_socket(address.storage.ss_family, SOCK_DGRAM, 0);
    bool six = address.storage.ss_family == AF_INET6;
    struct ip_mreqn request = {.imr_ifindex = (int)index};
    if (six)
        ((struct sockaddr_in6 *)&address.storage)->sin6_scope_id = index;
    bool chosen =
        fd >= 0 &&
        (six ? setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index) == 0
             : setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) == 0);
    if (!chosen || sendto(fd, spread->payload.data, spread->payload.used, 0,
                          probe_sockaddr(&address), address.length) < 0)
        probe_try_errno(spread->out, errno, "%s", name);
    else
        probe_try(spread->out, PROBE_SENT, 0, "sent out of %s", name);
    if (fd >= 0)
        close(fd);
}

static void spread_group(const struct probe_step *step, const char *group, long port,
                         struct probe_outcome *out)
{
    struct spread spread = {.step = step, .out = out};
    if (!probe_address_make(&spread.address, group, port)) {
        probe_try(out, PROBE_ERROR, EINVAL, "`%s` is no address", group);
        return;
    }
    group_payload(&spread, port);
    /* Wherever the routes say, then everywhere. */
    probe_datagram(step, &spread.address, NULL, spread.payload.data, spread.payload.used, 0, out);
    if (probe_interfaces(send_out_of, &spread) == 0)
        probe_try_errno(out, ENODEV, "no interface but the loopback");
}

void probe_tech_multicast(const struct probe_step *step, struct probe_outcome *out)
{
    const char *group = probe_param(step, "group", probe_param(step, "addr", "224.0.0.251"));
    spread_group(step, group, probe_param_number(step, "port", 5353), out);
}

void probe_tech_link_local6(const struct probe_step *step, struct probe_outcome *out)
{
    spread_group(step, probe_param(step, "addr", "ff02::1"), probe_param_number(step, "port", 5353),
                 out);
}

/* ---- broadcast ---- */

static bool allow_broadcast(int fd, const struct probe_step *step, struct probe_outcome *out)
{
    int on = 1;
    (void)step;
    if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) == 0)
        return true;
    probe_try_errno(out, errno, "SO_BROADCAST");
    return false;
}

void probe_tech_broadcast(const struct probe_step *step, struct probe_outcome *out)
{
    struct ifaddrs *list = NULL;
    struct probe_address address;
    long port = probe_param_number(step, "port", 137);
    probe_address_make(&address, probe_param(step, "addr", "255.255.255.255"), port);
    probe_datagram(step, &address, allow_broadcast, step->nonce, PROBE_NONCE, 0, out);
    if (getifaddrs(&list) != 0)
        return;
    for (struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
        if (at->ifa_broadaddr == NULL || at->ifa_broadaddr->sa_family != AF_INET ||
            (at->ifa_flags & IFF_BROADCAST) == 0)
            continue;
        memcpy(&address.storage, at->ifa_broadaddr, sizeof(struct sockaddr_in));
        ((struct sockaddr_in *)&address.storage)->sin_port = htons((uint16_t)port);
        snprintf(address.text, sizeof address.text, "the broadcast address of %s", at->ifa_name);
        probe_datagram(step, &address, allow_broadcast, step->nonce, PROBE_NONCE, 0, out);
    }
    freeifaddrs(list);
}
