#include "scene_bridge.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY "bridge\n"

static const char good_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" BODY;
static const char bad_answer[] =
    "HTTP/1.1 502 Bad Gateway\r\nProxy-Status: firma-bridge; error=connection_refused\r\n"
    "Content-Length: 0\r\n\r\n";

/* A socket of TYPE on 127.0.0.1, *PORT or, when that is 0, a port of the system's choice. */
static int open_socket(int type, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
        (type == SOCK_STREAM && listen(fd, 1024) < 0)) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int bridge_open(struct bridge_sockets *sockets)
{
    *sockets = (struct bridge_sockets){.http = -1, .dns_udp = -1, .dns_tcp = -1};
    sockets->http = open_socket(SOCK_STREAM, &sockets->http_port);
    /* The other protocol may be taken at the port one protocol got: a few tries. */
    for (int i = 0; i < 16 && sockets->dns_tcp < 0; i++) {
        if (sockets->dns_udp >= 0)
            close(sockets->dns_udp);
        sockets->dns_port = 0;
        sockets->dns_udp = open_socket(SOCK_DGRAM, &sockets->dns_port);
        sockets->dns_tcp = open_socket(SOCK_STREAM, &sockets->dns_port);
    }
    return sockets->http >= 0 && sockets->dns_udp >= 0 && sockets->dns_tcp >= 0 ? 0 : -1;
}

void bridge_close(struct bridge_sockets *sockets)
{
    close(sockets->http);
    close(sockets->dns_udp);
    close(sockets->dns_tcp);
}

static void put(int fd, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t sent = send(fd, (const char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        done += (size_t)sent;
    }
}

/* Reads a head into TEXT; what followed it already stays behind the head. Its length or 0. */
static size_t read_head(int fd, char *text, size_t size, size_t *used)
{
    *used = 0;
    while (*used < size - 1) {
        ssize_t got = recv(fd, text + *used, size - 1 - *used, 0);
        if (got <= 0)
            return 0;
        *used += (size_t)got;
        text[*used] = '\0';
        char *end = strstr(text, "\r\n\r\n");
        if (end != NULL)
            return (size_t)(end + 4 - text);
    }
    return 0;
}

static void echo(int fd, const char *first, size_t size)
{
    char bytes[65536];
    ssize_t got;
    put(fd, first, size);
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0)
        put(fd, bytes, (size_t)got);
}

static void serve_http(int fd, enum bridge_mode mode)
{
    char text[8192];
    size_t used;
    size_t head = read_head(fd, text, sizeof text, &used);
    if (head == 0)
        return;
    if (mode == BRIDGE_BAD_GATEWAY)
        put(fd, bad_answer, sizeof bad_answer - 1);
    else if (strstr(text, "/echo") != NULL)
        echo(fd, text + head, used - head);
    else
        put(fd, good_answer, sizeof good_answer - 1);
}

static void serve_datagram(int fd)
{
    char bytes[2048];
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    ssize_t got = recvfrom(fd, bytes, sizeof bytes - 4, 0, (struct sockaddr *)&peer, &length);
    if (got < 0)
        return;
    memcpy(bytes + got, "stub", 4);
    sendto(fd, bytes, (size_t)got + 4, 0, (struct sockaddr *)&peer, length);
}

static void serve_stream(int fd)
{
    char bytes[2048];
    ssize_t got = recv(fd, bytes, sizeof bytes - 4, 0);
    if (got <= 0)
        return;
    memcpy(bytes + got, "stub", 4);
    put(fd, bytes, (size_t)got + 4);
}

static void accept_one(int listener, enum bridge_mode mode, bool dns)
{
    int fd = accept(listener, NULL, NULL);
    if (fd < 0 || mode == BRIDGE_SILENT)
        return; /* silent: held open for ever */
    if (dns)
        serve_stream(fd);
    else
        serve_http(fd, mode);
    close(fd);
}

_Noreturn void bridge_serve(struct bridge_sockets *sockets, enum bridge_mode mode)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (mode == BRIDGE_ABSENT)
        close(sockets->http);
    struct pollfd watched[] = {{.fd = mode == BRIDGE_ABSENT ? -1 : sockets->http, .events = POLLIN},
                               {.fd = sockets->dns_udp, .events = POLLIN},
                               {.fd = sockets->dns_tcp, .events = POLLIN}};
    for (;;) {
        poll(watched, 3, -1);
        if (watched[0].revents != 0)
            accept_one(sockets->http, mode, false);
        if (watched[1].revents != 0)
            serve_datagram(sockets->dns_udp);
        if (watched[2].revents != 0)
            accept_one(sockets->dns_tcp, mode, true);
    }
}
