/*
 * tech_root_linux.c - what a guest's root does to its own kernel before it sends, as then= says.
 *
 * A guest's kernel is not the boundary: it may be turned inside out and nothing may leave. What
 * would harm a kernel that is not the guest's own is left out there, and noted; the sending is not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <sys/io.h>
#endif

#include "net.h"
#include "root_linux.h"
#include "techniques.h"

/* A note that decides nothing: what comes of then= does. */
static void remark(struct probe_outcome *out, const char *what, int failed)
{
    probe_try(out, PROBE_ERROR, 0, "%s: %s", what, failed == 0 ? "done" : probe_errno_name(failed));
}

static bool spared(const struct probe_step *step, struct probe_outcome *out)
{
    if (probe_owns_kernel(step->self))
        return false;
    probe_try(out, PROBE_ERROR, 0, "not a kernel of its own: left alone");
    return true;
}

/* ---- modules ---- */

void probe_tech_modules(const struct probe_step *step, struct probe_outcome *out)
{
    static const char *const names[] = {"virtio_net", "virtio_mmio", "tun",
                                        "vxlan",      "nf_tables",   "vhost_net"};
    if (!spared(step, out)) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            int code = probe_load(step, names[i]);
            probe_try(out, PROBE_ERROR, 0, "modprobe %s: %d", names[i], code);
        }
        long failed = syscall(SYS_init_module, "not a module", 12ul, "");
        remark(out, "init_module", failed == 0 ? 0 : errno);
    }
    probe_then(step, out);
}

/* ---- packet filter: every table of every family away ---- */

static size_t add_message(unsigned char *at, unsigned type, unsigned flags, unsigned id,
                          unsigned family)
{
    struct nlmsghdr head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
                            .nlmsg_type = (uint16_t)type,
                            .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
    struct nfgenmsg body = {.nfgen_family = (uint8_t)family,
                            .res_id = (uint16_t)(id >> 8 | (id & 0xff) << 8)};
    memcpy(at, &head, sizeof head);
    memcpy(at + NLMSG_HDRLEN, &body, sizeof body);
    return NLMSG_ALIGN(head.nlmsg_len);
}

static int flush_tables(void)
{
    unsigned char batch[256] = {0}, answer[1024];
    size_t length = add_message(batch, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES, 0);
    length +=
        add_message(batch + length, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE, NLM_F_ACK, 0, 0);
    length += add_message(batch + length, NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES, 0);
    int fd = probe_socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    int failed = fd < 0 || send(fd, batch, length, 0) < 0 ? errno : 0;
    ssize_t got = failed == 0 && probe_readable(fd, 500) ? recv(fd, answer, sizeof answer, 0) : 0;
    if (got >= (ssize_t)(NLMSG_HDRLEN + sizeof(struct nlmsgerr))) {
        struct nlmsgerr error;
        memcpy(&error, answer + NLMSG_HDRLEN, sizeof error);
        failed = -error.error;
    }
    if (fd >= 0)
        close(fd);
    return failed;
}

void probe_tech_firewall_flush(const struct probe_step *step, struct probe_outcome *out)
{
    probe_load(step, "nf_tables");
    remark(out, "flush of every table", flush_tables());
    probe_then(step, out);
}

/* ---- settings that make a router of a guest ---- */

void probe_tech_sysctl(const struct probe_step *step, struct probe_outcome *out)
{
    static const struct {
        const char *path, *value;
    } settings[] = {{"/proc/sys/net/ipv4/ip_forward", "1"},
                    {"/proc/sys/net/ipv4/conf/all/route_localnet", "1"},
                    {"/proc/sys/net/ipv4/conf/all/rp_filter", "0"},
                    {"/proc/sys/net/ipv6/conf/all/forwarding", "1"}};
    if (!spared(step, out))
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
            remark(out, settings[i].path + 10, probe_put_file(settings[i].path, settings[i].value));
    probe_then(step, out);
}

/* ---- memory and ports of the machine ---- */

#if defined(__x86_64__) || defined(__i386__)
/* Serial ports two to four and the debug consoles of virtual machines: nobody declared them. */
static void write_ports(const struct probe_step *step, struct probe_outcome *out)
{
    static const unsigned short ports[] = {0x2f8, 0x3e8, 0x2e8, 0xe9, 0x402};
    if (iopl(3) != 0) {
        remark(out, "iopl", errno);
        return;
    }
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        for (size_t n = 0; n < PROBE_NONCE; n++)
            outb((unsigned char)step->nonce[n], ports[i]);
    remark(out, "the nonce into five ports", 0);
}
#else
static void write_ports(const struct probe_step *step, struct probe_outcome *out)
{
    (void)step;
    remark(out, "ports", ENOSYS);
}
#endif

/* Reads only: what a guest finds in its own memory is its own. */
static void read_memory(const char *name, unsigned minor, struct probe_outcome *out)
{
    char path[PROBE_PATH], page[4096];
    int fd = probe_node(path, name, false, 1, minor) ? open(path, O_RDWR | O_CLOEXEC) : -1;
    remark(out, name, fd >= 0 && pread(fd, page, sizeof page, 0xf0000) >= 0 ? 0 : errno);
    if (fd >= 0)
        close(fd);
}

void probe_tech_ioports(const struct probe_step *step, struct probe_outcome *out)
{
    if (!spared(step, out)) {
        read_memory("mem", 1, out);
        read_memory("port", 4, out);
        write_ports(step, out);
    }
    probe_then(step, out);
}

/* ---- the helpers of the guest's side ---- */

static void kill_all(struct probe_outcome *out)
{
    DIR *proc = opendir("/proc");
    long pid, killed = 0, own[] = {getpid(), getppid(), getpgrp()};
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
        if (!probe_number(entry->d_name, 2, 1L << 30, &pid) || pid == own[0] || pid == own[1] ||
            pid == own[2])
            continue;
        killed += kill((pid_t)pid, SIGKILL) == 0;
    }
    if (proc != NULL)
        closedir(proc);
    probe_try(out, PROBE_ERROR, 0, "%ld processes killed; pid 1: %s", killed,
              kill(1, SIGKILL) == 0 ? "told" : probe_errno_name(errno));
}

void probe_tech_kill_helpers(const struct probe_step *step, struct probe_outcome *out)
{
    if (!spared(step, out))
        kill_all(out);
    probe_then(step, out);
}
