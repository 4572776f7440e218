#include "launcher/endpoint.h"

#include "launcher/loop_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int bad(struct firma_error *err, const char *what)
{
    return firma_fail(err, FIRMA_E_CONFIG, 0, "sidecar address: %s (tcp://IP:PORT or unix:///PATH)",
                      what);
}

/* Digits only, no sign, no leading zero, 1-65535. */
static bool parse_port(const char *text, uint16_t *port)
{
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 5 || text[length] != '\0' || text[0] == '0')
        return false;
    unsigned value = 0;
    for (size_t i = 0; i < length; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

/* Splits "HOST:PORT" or "[HOST]:PORT"; HOST is copied without its brackets. */
static bool split_host(const char *text, char *host, size_t size, bool *bracketed, uint16_t *port)
{
    *bracketed = text[0] == '[';
    const char *start = text + *bracketed;
    const char *end = strchr(start, *bracketed ? ']' : ':');
    if (end == NULL || (size_t)(end - start) >= size)
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    end += *bracketed;
    return *end == ':' && parse_port(end + 1, port);
}

static int parse_tcp(struct firma_endpoint *out, const char *text, struct firma_error *err)
{
    char host[INET6_ADDRSTRLEN];
    bool six;
    uint16_t port;
    if (!split_host(text, host, sizeof host, &six, &port))
        return bad(err, "host and port expected, port 1-65535, IPv6 in brackets");
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;
    if (inet_pton(six ? AF_INET6 : AF_INET, host,
                  six ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) != 1)
        return bad(err, "the host is not an IP literal; names are not resolved");
    if (six) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
    } else {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
    }
    out->length = six ? sizeof *v6 : sizeof *v4;
    return 0;
}

static int parse_unix(struct firma_endpoint *out, const char *path, struct firma_error *err)
{
    struct sockaddr_un *name = (struct sockaddr_un *)&out->address;
    if (path[0] != '/' || path[1] == '\0')
        return bad(err, "the socket's path is not absolute");
    if (strlen(path) >= sizeof name->sun_path)
        return bad(err, "the socket's path is too long for this system");
    name->sun_family = AF_UNIX;
    memcpy(name->sun_path, path, strlen(path) + 1);
    out->length = sizeof *name;
    return 0;
}

int firma_endpoint_parse(struct firma_endpoint *out, const char *text, struct firma_error *err)
{
    struct firma_endpoint made = {0};
    int rc;
    if (strlen(text) >= sizeof made.text)
        return bad(err, "too long");
    if (strncmp(text, "tcp://", 6) == 0)
        rc = parse_tcp(&made, text + 6, err);
    else if (strncmp(text, "unix://", 7) == 0)
        rc = parse_unix(&made, text + 7, err);
    else
        rc = bad(err, "unknown scheme");
    if (rc != 0)
        return rc;
    memcpy(made.text, text, strlen(text) + 1);
    *out = made;
    return 0;
}

/* Over loopback the handshake ends within the first connect(2), which does not know it yet; the
 * second one does. */
static int start_connecting(int fd, const struct firma_endpoint *endpoint, bool *connected)
{
    const struct sockaddr *address = (const struct sockaddr *)&endpoint->address;
    *connected = connect(fd, address, endpoint->length) == 0;
    if (*connected || errno != EINPROGRESS)
        return *connected ? 0 : -1;
    *connected = connect(fd, address, endpoint->length) == 0 || errno == EISCONN;
    return *connected || errno == EALREADY || errno == EINPROGRESS ? 0 : -1;
}

/* A full backlog of a unix listener is EAGAIN: as refused as any other error, nothing waits. */
int firma_endpoint_dial(const struct firma_endpoint *endpoint, bool *connected,
                        struct firma_error *err)
{
    int fd = firma_socket(endpoint->address.ss_family, SOCK_STREAM);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "socket");
    if (start_connecting(fd, endpoint, connected) == 0)
        return fd;
    int errnum = errno;
    close(fd);
    return firma_fail(err, FIRMA_E_SIDECAR, errnum, "cannot connect to the sidecar at %s",
                      endpoint->text);
}
