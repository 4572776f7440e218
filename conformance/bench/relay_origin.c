/* The origin. What it is asked is never longer than one small head. */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clocks.h"

enum { HEAD = 8192, BACKLOG = 512 };

struct origin_conn {
    struct relay_watch watch;
    struct relay *relay;
    size_t used;
    char head[HEAD + 1];
};

static const char keep[] = "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\n"
                           "Content-Length: 2\r\n\r\nok";
static const char last[] = "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\n"
                           "Content-Length: 2\r\nConnection: close\r\n\r\nok";
static const char tunnel[] = "HTTP/1.1 200 OK\r\n\r\n";

static void say(int fd, const char *text, size_t size)
{
    if (send(fd, text, size, MSG_NOSIGNAL) != (ssize_t)size && errno != EPIPE &&
        errno != ECONNRESET)
        bench_die(errno, "the origin cannot answer");
}

static void finish(struct origin_conn *conn)
{
    close(conn->watch.fd);
    free(conn);
}

/* Hands the descriptor over: the tunnel's measurement moves its bytes. */
static void open_tunnel(struct origin_conn *conn)
{
    say(conn->watch.fd, tunnel, sizeof tunnel - 1);
    epoll_ctl(conn->relay->epoll, EPOLL_CTL_DEL, conn->watch.fd, NULL);
    conn->relay->tunnel = conn->watch.fd;
    free(conn);
}

/* False once CONN is gone. */
static bool answer(struct origin_conn *conn, char *end)
{
    end[2] = '\0';
    bool closes = strcasestr(conn->head, "\r\nconnection: close\r\n") != NULL;
    if (strncmp(conn->head, "CONNECT ", 8) == 0) {
        open_tunnel(conn);
        return false;
    }
    say(conn->watch.fd, closes ? last : keep, closes ? sizeof last - 1 : sizeof keep - 1);
    if (closes)
        finish(conn);
    return !closes;
}

static void conn_ready(struct relay_watch *watch, uint32_t events)
{
    struct origin_conn *conn = (struct origin_conn *)watch;
    (void)events;
    ssize_t got = recv(watch->fd, conn->head + conn->used, HEAD - conn->used, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        finish(conn);
        return;
    }
    conn->used += (size_t)got;
    conn->head[conn->used] = '\0';
    char *end = strstr(conn->head, "\r\n\r\n");
    if (end == NULL || !answer(conn, end))
        return;
    size_t size = (size_t)(end - conn->head) + 4;
    memmove(conn->head, conn->head + size, conn->used - size);
    conn->used -= size;
}

static void accept_ready(struct relay_watch *watch, uint32_t events)
{
    struct relay *relay = (struct relay *)((char *)watch - offsetof(struct relay, listener));
    int fd, one = 1;
    (void)events;
    while ((fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct origin_conn *conn = calloc(1, sizeof *conn);
        if (conn == NULL)
            bench_die(errno, "the origin");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conn->relay = relay;
        conn->watch = (struct relay_watch){.fd = fd, .ready = conn_ready};
        relay_watch(relay, &conn->watch, EPOLLIN);
    }
}

void relay_open_origin(struct relay *relay)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        bench_die(errno, "the origin cannot listen");
    relay->port = ntohs(address.sin_port);
    relay->listener = (struct relay_watch){.fd = fd, .ready = accept_ready};
    relay_watch(relay, &relay->listener, EPOLLIN);
}
