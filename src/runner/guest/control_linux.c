#include "runner/guest/control_linux.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union rights {
    char bytes[CMSG_SPACE(sizeof(int) * FIRMA_GUEST_LISTENERS)];
    struct cmsghdr align;
};

int firma_control_open(int pair[2], struct firma_error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "control channel");
    return 0;
}

static void pack_listeners(struct msghdr *header, union rights *rights,
                           const struct firma_guest_message *message)
{
    int fds[FIRMA_GUEST_LISTENERS];
    size_t size = sizeof fds[0] * message->listener_count;
    for (size_t i = 0; i < message->listener_count; i++)
        fds[i] = message->listeners[i].fd;
    header->msg_control = rights->bytes;
    header->msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *item = CMSG_FIRSTHDR(header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(item), fds, size);
}

int firma_control_send(int fd, const struct firma_guest_message *message)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = sizeof *message};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union rights rights = {{0}};
    if (message->listener_count > 0)
        pack_listeners(&header, &rights, message);
    ssize_t sent;
    do
        sent = sendmsg(fd, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof *message ? 0 : -1;
}

int firma_control_say(int fd, enum firma_guest_word word, int value)
{
    struct firma_guest_message message = {.word = word, .value = value};
    return firma_control_send(fd, &message);
}

/* Gives each listener the descriptor that came with the message. */
static int unpack_listeners(struct msghdr *header, struct firma_guest_message *message)
{
    size_t got = 0;
    struct cmsghdr *item = CMSG_FIRSTHDR(header);
    if (item != NULL && item->cmsg_type == SCM_RIGHTS)
        got = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (got != message->listener_count || got > FIRMA_GUEST_LISTENERS) {
        errno = EPROTO;
        return -1;
    }
    for (size_t i = 0; i < got; i++)
        memcpy(&message->listeners[i].fd, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
    return 1;
}

/* A peer that left words of ours unread shows as ECONNRESET, once, and before the words it sent. */
static int take(int fd, struct firma_guest_message *message)
{
    struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
    union rights rights;
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = rights.bytes,
                            .msg_controllen = sizeof rights.bytes};
    ssize_t got;
    do
        got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return 0;
    if (got != (ssize_t)sizeof *message) {
        errno = got < 0 ? errno : EPROTO;
        return -1;
    }
    return unpack_listeners(&header, message);
}

int firma_control_receive(int fd, struct firma_guest_message *message)
{
    int got = take(fd, message);
    return got < 0 && errno == ECONNRESET ? 0 : got;
}

int firma_control_explain(const struct firma_guest_message *failed, struct firma_error *err)
{
    return firma_fail(err, failed->value, 0, "%s", failed->text);
}

int firma_control_await_ready(int fd, struct firma_guest_message *message, struct firma_error *err)
{
    int got = firma_control_receive(fd, message);
    if (got == 1 && message->word == FIRMA_GUEST_FAILED)
        return firma_control_explain(message, err);
    if (got != 1 || message->word != FIRMA_GUEST_READY)
        return firma_fail(err, FIRMA_E_SPAWN, got < 0 ? errno : 0, "the guest ended early");
    return 0;
}

int firma_control_receive_last(int fd, struct firma_guest_message *message)
{
    int got = take(fd, message);
    return got < 0 && errno == ECONNRESET ? firma_control_receive(fd, message) : got;
}
