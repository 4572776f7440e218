/* tech_iouring_linux.c - socket, connect and send by io_uring, where no filter on the calls sees.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net.h"
#include "techniques.h"

struct ring {
    int fd;
    unsigned char *rings; /* submission and completion queue in one mapping */
    size_t rings_size;
    struct io_uring_sqe *entries;
    size_t entries_size;
    struct io_uring_params params;
};

static void ring_close(struct ring *ring)
{
    if (ring->entries != MAP_FAILED)
        munmap(ring->entries, ring->entries_size);
    if (ring->rings != MAP_FAILED)
        munmap(ring->rings, ring->rings_size);
    if (ring->fd >= 0)
        close(ring->fd);
}

static void *map(const struct ring *ring, size_t size, off_t offset)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, offset);
}

static bool ring_open(struct ring *ring)
{
    memset(ring, 0, sizeof *ring);
    ring->rings = MAP_FAILED;
    ring->entries = MAP_FAILED;
    ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
    if (ring->fd < 0)
        return false;
    size_t submit = ring->params.sq_off.array + ring->params.sq_entries * sizeof(unsigned);
    size_t complete =
        ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
    ring->rings_size = submit > complete ? submit : complete;
    ring->entries_size = ring->params.sq_entries * sizeof *ring->entries;
    ring->rings = map(ring, ring->rings_size, IORING_OFF_SQ_RING);
    ring->entries = map(ring, ring->entries_size, IORING_OFF_SQES);
    return ring->rings != MAP_FAILED && ring->entries != MAP_FAILED;
}

static unsigned *word(const struct ring *ring, unsigned offset)
{
    return (unsigned *)(void *)(ring->rings + offset);
}

/* Submits ENTRY and waits for its completion: its result, or -errno. */
static int ring_do(struct ring *ring, const struct io_uring_sqe *entry)
{
    unsigned *tail = word(ring, ring->params.sq_off.tail);
    unsigned mask = *word(ring, ring->params.sq_off.ring_mask);
    unsigned *array = word(ring, ring->params.sq_off.array);
    ring->entries[*tail & mask] = *entry;
    array[*tail & mask] = *tail & mask;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
        return -errno;
    unsigned *head = word(ring, ring->params.cq_off.head);
    unsigned end = __atomic_load_n(word(ring, ring->params.cq_off.tail), __ATOMIC_ACQUIRE);
    if (*head == end)
        return -EAGAIN;
    const struct io_uring_cqe *done =
        (const struct io_uring_cqe *)(void *)(ring->rings + ring->params.cq_off.cqes);
    int result = done[*head & *word(ring, ring->params.cq_off.ring_mask)].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return result;
}

/* Kernels before 5.19 make sockets the usual way only. */
static int ring_socket(struct ring *ring, int family)
{
    struct io_uring_sqe entry = {
        .opcode = IORING_OP_SOCKET, .fd = family, .off = SOCK_STREAM, .len = 0};
    int fd = ring_do(ring, &entry);
    return fd >= 0 ? fd : probe_socket(family, SOCK_STREAM, 0);
}

static int ring_connect(struct ring *ring, int fd, const struct probe_address *address)
{
    struct io_uring_sqe entry = {.opcode = IORING_OP_CONNECT,
                                 .fd = fd,
                                 .addr = (uintptr_t)probe_sockaddr(address),
                                 .off = address->length};
    return ring_do(ring, &entry);
}

static int ring_send(struct ring *ring, int fd, const char *data, size_t length)
{
    struct io_uring_sqe entry = {
        .opcode = IORING_OP_SEND, .fd = fd, .addr = (uintptr_t)data, .len = (unsigned)length};
    return ring_do(ring, &entry);
}

static void attempt(const struct probe_step *step, struct ring *ring,
                    const struct probe_address *address, struct probe_outcome *out)
{
    char request[128];
    int length = snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\n\r\n", step->nonce);
    int fd = ring_socket(ring, address->storage.ss_family);
    int result = fd < 0 ? -errno : ring_connect(ring, fd, address);
    if (result < 0) {
        probe_try_errno(out, -result, "connect to %s", address->text);
    } else {
        probe_try(out, PROBE_CONNECTED, 0, "connected to %s", address->text);
        result = ring_send(ring, fd, request, (size_t)length);
        if (result < 0)
            probe_try_errno(out, -result, "send");
        else if (probe_readable(fd, probe_left(step, 1)) &&
                 recv(fd, request, sizeof request, 0) > 0)
            probe_try(out, PROBE_ANSWERED, 0, "answered");
    }
    if (fd >= 0)
        close(fd);
}

void probe_tech_iouring(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    struct ring ring;
    if (!probe_address_of(step, 443, &address, out))
        return;
    if (ring_open(&ring))
        attempt(step, &ring, &address, out);
    else
        probe_try_errno(out, errno, "io_uring");
    ring_close(&ring);
}
