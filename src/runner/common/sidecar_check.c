/*
 * Is there a sidecar behind the bridge? The launcher asked before it spawned us; it may be gone by
 * now (fail_closed_startup).
 *
 * The question is `OPTIONS *` (RFC 9110, 9.3.7), which the bridge passes on like any request and
 * which a proxy answers itself, without resolving a name or dialling anyone. Any status will do,
 * but for one that the bridge gives in its own name: 502 or 504 with `Proxy-Status: firma-bridge;
 * error=...` (RFC 9209) says that nobody is behind it. The bridge never lets a sidecar use its
 * name.
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "contract/cleanup.h"
#include "runner/common/common.h"

enum { BOUND_MS = 2000, HEAD_MAX = 16 * 1024 };

static const char question[] = "OPTIONS * HTTP/1.1\r\n"
                               "Host: firma.invalid\r\n"
                               "Connection: close\r\n"
                               "\r\n";

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for EVENTS until DEADLINE; false when it passes. */
static bool await(int fd, short events, int64_t deadline)
{
    struct pollfd watched = {.fd = fd, .events = events};
    for (;;) {
        int64_t left = deadline - now_ms();
        int count = left > 0 ? poll(&watched, 1, (int)left) : 0;
        if (count > 0)
            return true;
        if (count == 0 || errno != EINTR)
            return false;
    }
}

static int refuse(struct firma_error *err, int errnum, const char *why)
{
    return firma_fail(err, FIRMA_E_SIDECAR, errnum, "sidecar unreachable through proxy_url: %s",
                      why);
}

static int dial(uint16_t port, int64_t deadline, struct firma_error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int error = 0;
    socklen_t length = sizeof error;
    FIRMA_AUTOCLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refuse(err, errno, "socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        return refuse(err, errno, "connect to the bridge");
    if (!await(fd, POLLOUT, deadline))
        return refuse(err, ETIMEDOUT, "connect to the bridge");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        error = errno;
    if (error != 0)
        return refuse(err, error, "connect to the bridge");
    int result = fd;
    fd = -1;
    return result;
}

/* Reads until the head of the answer is complete; HEAD is NUL-terminated. */
static int read_head(int fd, char head[HEAD_MAX + 1], int64_t deadline, struct firma_error *err)
{
    size_t used = 0;
    for (;;) {
        if (!await(fd, POLLIN, deadline))
            return refuse(err, 0, "no answer within 2 seconds");
        ssize_t got = recv(fd, head + used, HEAD_MAX - used, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0)
            return refuse(err, got < 0 ? errno : 0, "the bridge hung up without an answer");
        used += (size_t)got;
        head[used] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL)
            return 0;
        if (used == HEAD_MAX)
            return refuse(err, 0, "the answer's head is too long");
    }
}

/* True if HEAD is one that the bridge sent because it has nobody to ask. */
static bool is_bridge_error(const char *head)
{
    static const char field[] = "\r\nProxy-Status: firma-bridge;";
    const char *found = strcasestr(head, field);
    return found != NULL && found < strstr(head, "\r\n\r\n");
}

static int judge(const char *head, struct firma_error *err)
{
    bool is_http = strncmp(head, "HTTP/1.", 7) == 0 && isdigit((unsigned char)head[7]) &&
                   head[8] == ' ' && isdigit((unsigned char)head[9]);
    if (!is_http)
        return refuse(err, 0, "the answer is not HTTP/1");
    if (is_bridge_error(head)) {
        char status[64];
        snprintf(status, sizeof status, "the bridge answers %.3s for it", head + 9);
        return refuse(err, 0, status);
    }
    return 0;
}

int firma_runner_check_sidecar(uint16_t port, struct firma_error *err)
{
    int64_t deadline = now_ms() + BOUND_MS;
    char head[HEAD_MAX + 1] = "";
    FIRMA_AUTOCLOSE int fd = dial(port, deadline, err);
    if (fd < 0)
        return fd;
    if (send(fd, question, sizeof question - 1, MSG_NOSIGNAL) != (ssize_t)sizeof question - 1)
        return refuse(err, errno, "send");
    int result = read_head(fd, head, deadline, err);
    return result < 0 ? result : judge(head, err);
}
