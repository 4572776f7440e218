/*
 * tech_vsock_linux.c - the hypervisor's own sockets, from inside a guest that the suite booted.
 *
 * No network namespace confines AF_VSOCK, and on a machine that is itself a guest it leads to
 * somebody else's hypervisor: nothing here opens such a socket unless the kernel is the guest's
 * own.
 */
#include <errno.h>
#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"
#include "root_linux.h"
#include "techniques.h"

static void dial(const struct probe_step *step, int type, unsigned cid, unsigned port, size_t tries,
                 struct probe_outcome *out)
{
    struct probe_address to = {.length = sizeof(struct sockaddr_vm)};
    struct sockaddr_vm *at = (struct sockaddr_vm *)&to.storage;
    at->svm_family = AF_VSOCK;
    at->svm_cid = cid;
    at->svm_port = port;
    int fd = probe_socket(AF_VSOCK, type, 0);
    int failed = fd < 0 ? errno : probe_connect_fd(fd, &to, probe_left(step, tries));
    if (failed != 0)
        probe_try_errno(out, failed, "cid %u port %u", cid, port);
    else
        probe_exchange(fd, step->nonce, PROBE_NONCE, probe_left(step, tries), out);
    if (fd >= 0)
        close(fd);
}

/* Ports below 1024, those of known agents (1024 libkrun, 2375 engines, 4444, 5000, 9999). */
static void dial_all(const struct probe_step *step, int type, struct probe_outcome *out)
{
    static const unsigned cids[] = {VMADDR_CID_HOST, VMADDR_CID_HYPERVISOR, 3, 4};
    static const unsigned ports[] = {1, 22, 53, 80, 443, 1023, 1024, 1025, 2375, 4444, 5000, 9999};
    enum { PORTS = sizeof ports / sizeof *ports, CIDS = sizeof cids / sizeof *cids };
    for (size_t i = 0; i < PORTS * CIDS; i++)
        dial(step, type, cids[i / PORTS], ports[i % PORTS], PORTS * CIDS - i, out);
}

void probe_tech_vsock(const struct probe_step *step, struct probe_outcome *out)
{
    static const char *const modules[] = {"vmw_vsock_virtio_transport", "vsock_loopback", "vsock"};
    if (!probe_owns_kernel(step->self)) {
        probe_try_errno(out, EPERM, "not a kernel of its own: left alone");
        return;
    }
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        probe_load(step, modules[i]);
    dial_all(step, SOCK_STREAM, out);
    dial_all(step, SOCK_SEQPACKET, out);
}
