/*
 * net_linux.c - two network namespaces and the link between them.
 *
 * `host` is the namespace init was born in. `internet` is made by a child, which loads the
 * catch-all rules while init configures `host`; four programs run in all, most of them at once.
 *
 * Silence. Both ends are NOARP and share one hardware address: then there is no ARP, no neighbour
 * or router solicitation, no duplicate address detection, no multicast listener report, and a frame
 * for any on-link address still arrives. Neither end makes itself a link-local address. Measured:
 * the kernel itself sends no frame at all on this link.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/nonce.h"
#include "lab/lab_linux.h"

#define MAC "02:00:5e:00:53:01"

static const char *const IP_BATCH[] = {"ip", "-batch", "-", NULL};
static const char *const NFT_BATCH[] = {"nft", "-f", "-", NULL};

struct setting {
    const char *path, *value;
};

/* The first four undo what a network namespace takes over from the machine's own settings. */
static const struct setting COMMON[] = {
    {"/proc/sys/net/ipv4/conf/all/rp_filter", "0"},
    {"/proc/sys/net/ipv4/conf/default/rp_filter", "0"},
    {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "0"},
    {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "0"},
    {"/proc/sys/net/ipv6/conf/default/accept_ra", "0"},
    {"/proc/sys/net/ipv6/conf/default/router_solicitations", "0"},
    {"/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1"},
};
/* Packets with a source of the lab's own (a spoofed one, or the sidecar's) reach the canary too. */
static const struct setting INTERNET[] = {
    {"/proc/sys/net/ipv4/conf/all/accept_local", "1"},
    {"/proc/sys/net/ipv4/ip_nonlocal_bind", "1"},
    {"/proc/sys/net/ipv6/ip_nonlocal_bind", "1"},
};

static int apply(const struct setting *settings, size_t count, struct cf_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (cf_lab_put(settings[i].path, settings[i].value) != 0)
            return cf_fail(err, CF_E_LAB, errno, "%s", settings[i].path);
    return 0;
}

/* ping(8) without privileges, for the lab's uid 0 and, where there is one, the second user. */
static int allow_ping(bool second_user, struct cf_error *err)
{
    static const char path[] = "/proc/sys/net/ipv4/ping_group_range";
    if ((second_user && cf_lab_put(path, "0 1000") == 0) || cf_lab_put(path, "0 0") == 0)
        return 0;
    return cf_fail(err, CF_E_LAB, errno, "%s", path);
}

static int configure_host(pid_t internet, const struct cf_lab_entry *entry, struct cf_error *err)
{
    char batch[1024];
    int result = apply(COMMON, sizeof COMMON / sizeof COMMON[0], err);
    if (result == 0)
        result = allow_ping(entry->config->second_user, err);
    if (result != 0)
        return result;
    snprintf(batch, sizeof batch,
             "link set lo up\n"
             "link add " CF_LAB_HOST_LINK " address " MAC " arp off type veth"
             " peer name " CF_LAB_INTERNET_LINK " address " MAC " netns %d\n"
             "link set " CF_LAB_HOST_LINK " addrgenmode none gso_max_segs 1\n"
             "addr add " CF_LAB_HOST4 "/24 dev " CF_LAB_HOST_LINK "\n"
             "addr add " CF_LAB_HOST6 "/64 dev " CF_LAB_HOST_LINK " nodad\n"
             "link set " CF_LAB_HOST_LINK " up\n"
             "route add default via 203.0.113.1 dev " CF_LAB_HOST_LINK "\n"
             "route add default via 2001:db8:1::1 dev " CF_LAB_HOST_LINK "\n",
             (int)internet);
    return cf_lab_run("ip", IP_BATCH, batch, err);
}

/* Answers to `host` leave by the link; all else, coming in or made here, is local. The rules may
 * name the link before it exists. One run for each family: a batch has only one. */
static int route_internet(struct cf_error *err)
{
    static const char *const ipv6_batch[] = {"ip", "-6", "-batch", "-", NULL};
    return cf_lab_run("ip", ipv6_batch,
                      "link set lo up\n"
                      "route add local ::/0 dev lo table 100\n"
                      "rule add pref 90 iif lo to " CF_LAB_HOST6 " lookup main\n"
                      "rule add pref 100 iif " CF_LAB_INTERNET_LINK " lookup 100\n"
                      "rule add pref 110 iif lo lookup 100\n",
                      err);
}

static int configure_internet(const struct cf_lab_entry *entry, struct cf_error *err)
{
    char batch[1024];
    snprintf(batch, sizeof batch,
             "link set " CF_LAB_INTERNET_LINK " arp off addrgenmode none gso_max_segs 1\n"
             "addr add 203.0.113.1/24 dev " CF_LAB_INTERNET_LINK "\n"
             "addr add 2001:db8:1::1/64 dev " CF_LAB_INTERNET_LINK " nodad\n"
             "addr add %s/32 dev lo\n"
             "addr add %s/128 dev lo nodad\n"
             "link set " CF_LAB_INTERNET_LINK " up\n"
             "route add local 0.0.0.0/0 dev lo table 100\n"
             "rule add pref 90 iif lo to " CF_LAB_HOST4 " lookup main\n"
             "rule add pref 100 iif " CF_LAB_INTERNET_LINK " lookup 100\n"
             "rule add pref 110 iif lo lookup 100\n",
             entry->source4, entry->source6);
    return cf_lab_run("ip", IP_BATCH, batch, err);
}

static int load_rules(struct cf_error *err)
{
    char rules[512];
    snprintf(rules, sizeof rules,
             "table inet firma {\n"
             " chain catch {\n"
             "  type filter hook prerouting priority mangle; policy accept;\n"
             "  meta nfproto ipv4 meta l4proto { tcp, udp } tproxy ip to :%d\n"
             "  meta nfproto ipv6 meta l4proto { tcp, udp } tproxy ip6 to :%d\n"
             " }\n"
             "}\n",
             CF_LAB_CANARY_PORT, CF_LAB_CANARY_PORT);
    return cf_lab_run("nft", NFT_BATCH, rules, err);
}

/* The child's life: a namespace, rules, and once the link exists its own end of it. Says "+" after
 * each of the two parts, or the reason why not. */
_Noreturn static void keep_internet(const struct cf_lab_entry *entry, int talk)
{
    struct cf_error error = {0};
    char linked;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int result = unshare(CLONE_NEWNET) == 0
                     ? apply(COMMON, sizeof COMMON / sizeof COMMON[0], &error)
                     : cf_fail(&error, CF_E_LAB, errno, "a second network namespace");
    if (result == 0)
        result = apply(INTERNET, sizeof INTERNET / sizeof INTERNET[0], &error);
    if (result == 0 && write(talk, "+", 1) == 1)
        result = route_internet(&error);
    if (result == 0)
        result = load_rules(&error);
    if (result == 0 && read(talk, &linked, 1) == 1)
        result = configure_internet(entry, &error);
    if (write(talk, result == 0 ? "+" : error.text, result == 0 ? 1 : strlen(error.text)) < 0)
        _exit(1);
    _exit(0);
}

static int hear(int talk, struct cf_error *err)
{
    char text[1024] = "";
    ssize_t got = read(talk, text, sizeof text - 1);
    if (got == 1 && text[0] == '+')
        return 0;
    return cf_fail(err, CF_E_LAB, 0, "internet: %s", got > 0 ? text : "its maker died");
}

static int direct(struct cf_lab_entry *entry, pid_t child, int talk, struct cf_error *err)
{
    char path[64];
    int result = hear(talk, err);
    if (result != 0)
        return result;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)child);
    entry->internet = open(path, O_RDONLY | O_CLOEXEC);
    if (entry->internet < 0)
        return cf_fail(err, CF_E_LAB, errno, "%s", path);
    result = configure_host(child, entry, err);
    if (result == 0 && write(talk, "+", 1) != 1)
        result = cf_fail(err, CF_E_LAB, errno, "internet");
    return result != 0 ? result : hear(talk, err);
}

/* Where the sidecar dials from: nobody can tell its traffic from a guest's who does not know. */
static int pick_sources(struct cf_lab_entry *entry, struct cf_error *err)
{
    char nonce[CF_NONCE_TEXT];
    unsigned char r[CF_NONCE_BYTES];
    int result = cf_nonce(nonce, err);
    if (result != 0)
        return result;
    cf_nonce_bytes(nonce, r);
    snprintf(entry->source4, sizeof entry->source4, "198.18.%d.%d", r[0], 1 + r[1] % 254);
    /* No group may be zero: inet_ntop(3) has to give the very same text. */
    snprintf(entry->source6, sizeof entry->source6, "2001:db8:5ec:%x:%x:%x:%x:%x", r[2] | 0x100,
             (r[4] << 8 | r[5]) | 0x1000, (r[6] << 8 | r[7]) | 0x1000, (r[8] << 8 | r[9]) | 0x1000,
             (r[10] << 8 | r[11]) | 0x1000);
    return 0;
}

int cf_lab_build_net(struct cf_lab_entry *entry, struct cf_error *err)
{
    int talk[2];
    int result = pick_sources(entry, err);
    if (result != 0)
        return result;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) != 0)
        return cf_fail(err, CF_E_LAB, errno, "network");
    pid_t child = fork();
    if (child == 0)
        keep_internet(entry, talk[1]);
    close(talk[1]);
    result =
        child < 0 ? cf_fail(err, CF_E_LAB, errno, "network") : direct(entry, child, talk[0], err);
    close(talk[0]);
    if (child > 0)
        cf_lab_reap(child, CF_LAB_DEADLINE_MS);
    return result;
}

int cf_lab_change_roads(struct cf_error *err)
{
    int result = cf_lab_run("nft", NFT_BATCH, "flush ruleset\n", err);
    if (result == 0)
        result = cf_lab_run("ip", IP_BATCH,
                            "route add default via 203.0.113.1 dev " CF_LAB_HOST_LINK " metric 7\n",
                            err);
    if (result == 0)
        result = cf_lab_put("/proc/sys/net/ipv4/ip_forward", "1");
    return result;
}
