#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool probe_address_make(struct probe_address *out, const char *text, long port)
{
    char host[INET6_ADDRSTRLEN + 1];
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->storage;
    const char *scope = strchr(text, '%');
    size_t length = scope == NULL ? strlen(text) : (size_t)(scope - text);
    memset(out, 0, sizeof *out);
    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    snprintf(out->text, sizeof out->text, "%s port %ld", text, port);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        out->length = sizeof *v4;
        return true;
    }
    memset(&out->storage, 0, sizeof out->storage);
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    v6->sin6_scope_id = scope == NULL ? 0 : if_nametoindex(scope + 1);
    out->length = sizeof *v6;
    return true;
}

bool probe_address_of(const struct probe_step *step, long port, struct probe_address *address,
                      struct probe_outcome *out)
{
    const char *text = probe_param(step, "addr", NULL);
    port = probe_param_number(step, "port", port);
    if (text != NULL && port <= 65535 && probe_address_make(address, text, port))
        return true;
    probe_try(out, PROBE_ERROR, EINVAL, "needs addr=IP%s", text == NULL ? "" : ", not a name");
    return false;
}

const struct sockaddr *probe_sockaddr(const struct probe_address *address)
{
    return (const struct sockaddr *)&address->storage;
}

int probe_socket(int family, int type, int protocol)
{
    int fd = socket(family, type, protocol);
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

int probe_connect_fd(int fd, const struct probe_address *address, int ms)
{
    int flags = fcntl(fd, F_GETFL), failed = 0;
    socklen_t size = sizeof failed;
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (connect(fd, probe_sockaddr(address), address->length) != 0) {
        if (errno != EINPROGRESS)
            return errno;
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (poll(&wait, 1, ms) <= 0)
            return ETIMEDOUT;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    }
    fcntl(fd, F_SETFL, flags);
    return failed;
}

int probe_connect(const struct probe_address *address, int ms)
{
    int fd = probe_socket(address->storage.ss_family, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    int failed = probe_connect_fd(fd, address, ms);
    if (failed == 0)
        return fd;
    close(fd);
    errno = failed;
    return -1;
}

bool probe_readable(int fd, int ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&wait, 1, ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* What came back, as far as it reads as text. */
static void note_answer(struct probe_outcome *out, const unsigned char *data, ssize_t length)
{
    char shown[61] = "";
    for (ssize_t i = 0; i < length && i < 60; i++)
        shown[i] = data[i] >= 0x20 && data[i] < 0x7f ? (char)data[i] : '.';
    probe_try(out, PROBE_ANSWERED, 0, "answered %zd bytes: %s", length, shown);
}

void probe_exchange(int fd, const void *data, size_t length, int ms, struct probe_outcome *out)
{
    unsigned char answer[2048];
    ssize_t sent = send(fd, data, length, 0);
    if (sent < 0) {
        probe_try_errno(out, errno, "send");
        return;
    }
    probe_try(out, PROBE_SENT, 0, "sent %zd bytes", sent);
    if (!probe_readable(fd, ms))
        return;
    ssize_t got = recv(fd, answer, sizeof answer, 0);
    if (got > 0)
        note_answer(out, answer, got);
    else if (got < 0)
        probe_try_errno(out, errno, "receive");
}

void probe_tcp_once(const struct probe_step *step, const struct probe_address *address,
                    probe_prepare *prepare, size_t tries, struct probe_outcome *out)
{
    char request[128];
    int length = snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\n\r\n", step->nonce);
    int fd = probe_socket(address->storage.ss_family, SOCK_STREAM, 0);
    if (fd < 0) {
        probe_try_errno(out, errno, "socket for %s", address->text);
        return;
    }
    if (prepare == NULL || prepare(fd, step, out)) {
        int failed = probe_connect_fd(fd, address, probe_left(step, tries));
        if (failed != 0) {
            probe_try_errno(out, failed, "connect to %s", address->text);
        } else {
            probe_try(out, PROBE_CONNECTED, 0, "connected to %s", address->text);
            probe_exchange(fd, request, (size_t)length, probe_left(step, tries), out);
        }
    }
    close(fd);
}

void probe_datagram(const struct probe_step *step, const struct probe_address *address,
                    probe_prepare *prepare, const void *data, size_t length, int wait_ms,
                    struct probe_outcome *out)
{
    unsigned char answer[2048];
    int fd = probe_socket(address->storage.ss_family, SOCK_DGRAM, 0);
    if (fd < 0) {
        probe_try_errno(out, errno, "socket for %s", address->text);
        return;
    }
    if (prepare == NULL || prepare(fd, step, out)) {
        ssize_t sent = sendto(fd, data, length, 0, probe_sockaddr(address), address->length);
        if (sent < 0)
            probe_try_errno(out, errno, "send to %s", address->text);
        else
            probe_try(out, PROBE_SENT, 0, "sent %zd bytes to %s", sent, address->text);
        int left = probe_left(step, 1);
        if (sent >= 0 && probe_readable(fd, left < wait_ms ? left : wait_ms)) {
            ssize_t got = recv(fd, answer, sizeof answer, 0);
            if (got >= 0)
                note_answer(out, answer, got);
        }
    }
    close(fd);
}

size_t probe_interfaces(probe_visit *visit, void *context)
{
    size_t count = 0;
    struct if_nameindex *list = if_nameindex();
    for (struct if_nameindex *at = list; at != NULL && at->if_index != 0 && count < 32; at++) {
        if (strcmp(at->if_name, "lo") == 0 || strcmp(at->if_name, "lo0") == 0)
            continue;
        visit(at->if_name, at->if_index, context);
        count++;
    }
    if (list != NULL)
        if_freenameindex(list);
    return count;
}
