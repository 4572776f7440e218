/*
 * One CONNECT, then bytes through it: first towards the client, then as many from it. The bytes are
 * those of a file in memory, and are thrown away where they arrive (MSG_TRUNC, tcp(7)): neither end
 * copies them, so that the relay under test is what the time is spent in.
 */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clocks.h"

#define REQUEST "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n"

enum { CHUNK = 256 * 1024 };

static const size_t amount = (size_t)96 << 20; /* each way */

struct client {
    struct relay_watch watch;
    char head[1024];
    size_t used;
    bool open;
};

static void client_ready(struct relay_watch *watch, uint32_t events)
{
    struct client *client = (struct client *)watch;
    (void)events;
    ssize_t got = recv(watch->fd, client->head + client->used,
                       sizeof client->head - 1 - client->used, MSG_DONTWAIT);
    if (got <= 0)
        bench_die(got < 0 ? errno : 0, "a tunnel was not opened");
    client->used += (size_t)got;
    client->open = strstr(client->head, "\r\n\r\n") != NULL;
}

static int open_tunnel(struct relay *relay, const struct contender *contender)
{
    struct client client = {.watch = {.fd = relay_connect(contender), .ready = client_ready}};
    relay->tunnel = -1;
    if (send(client.watch.fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) < 0)
        bench_die(errno, "%s", contender->name);
    relay_watch(relay, &client.watch, EPOLLIN);
    while (!client.open || relay->tunnel < 0)
        relay_turn(relay, contender->name);
    if (strncmp(client.head, "HTTP/1.", 7) != 0 || strncmp(client.head + 8, " 2", 2) != 0)
        bench_die(0, "%s: no tunnel: %.60s", contender->name, client.head);
    epoll_ctl(relay->epoll, EPOLL_CTL_DEL, client.watch.fd, NULL);
    return client.watch.fd;
}

static size_t moved(ssize_t result, const struct contender *contender)
{
    if (result == 0 || (result < 0 && errno != EAGAIN && errno != EINTR))
        bench_die(result < 0 ? errno : 0, "%s: the tunnel broke", contender->name);
    return result > 0 ? (size_t)result : 0;
}

/* CHUNK bytes to send again and again. */
static int make_source(void)
{
    static const char noise[4096] = "firma";
    int fd = memfd_create("bench", MFD_CLOEXEC);
    for (size_t made = 0; made < CHUNK; made += sizeof noise)
        if (fd < 0 || write(fd, noise, sizeof noise) != (ssize_t)sizeof noise)
            bench_die(errno, "a file in memory");
    return fd;
}

static void carry(const struct contender *contender, int source, int from, int to)
{
    size_t sent = 0, got = 0;
    while (got < amount) {
        struct pollfd fds[] = {{.fd = to, .events = POLLIN},
                               {.fd = sent < amount ? from : -1, .events = POLLOUT}};
        if (poll(fds, 2, RELAY_LIMIT_MS) == 0)
            bench_die(0, "%s: the tunnel hangs", contender->name);
        if (fds[1].revents != 0) {
            size_t size = amount - sent < CHUNK ? amount - sent : CHUNK;
            off_t start = 0;
            sent += moved(sendfile(from, source, &start, size), contender);
        }
        if (fds[0].revents != 0)
            got += moved(recv(to, NULL, CHUNK, MSG_TRUNC), contender);
    }
}

void relay_measure_tunnel(struct relay *relay, const struct contender *contender, bool shown)
{
    int client = open_tunnel(relay, contender), source = make_source();
    uint64_t spent = bench_cpu(contender->pid), begun = bench_now();
    carry(contender, source, relay->tunnel, client);
    carry(contender, source, client, relay->tunnel);
    uint64_t took = bench_now() - begun;
    spent = bench_cpu(contender->pid) - spent;
    close(source);
    close(client);
    close(relay->tunnel);
    double mebibytes = (double)(2 * amount >> 20);
    if (shown) {
        printf("tunnel-cpu %s %.3f\n", contender->name, (double)spent / 1e6 * 1024 / mebibytes);
        printf("tunnel-rate %s %.1f\n", contender->name, mebibytes / ((double)took / 1e9));
        printf("tunnel-busy %s %.1f\n", contender->name, (double)spent / (double)took * 100);
    }
}
