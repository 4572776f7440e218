/* honeypots_linux.c - sockets that nobody should ever talk to. They listen, record, stay silent. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "observers/observer.h"

enum { POTS_MAX = 32, VISITORS_MAX = 200 };

struct visitor {
    int fd;
    json_int_t id;
    size_t pot, recorded;
};

struct honeypots {
    struct cf_observer *io;
    const struct cf_honeypot *pots;
    size_t count, visitors;
    json_int_t next;
    struct visitor visitor[VISITORS_MAX];
};

static void leave(struct honeypots *all, size_t index)
{
    close(all->visitor[index].fd);
    all->visitors--;
    memmove(&all->visitor[index], &all->visitor[index + 1],
            (all->visitors - index) * sizeof all->visitor[0]);
}

static void record(struct honeypots *all, size_t pot, json_int_t id, const unsigned char *data,
                   size_t length)
{
    cf_observer_emit(all->io, "honeypot",
                     json_pack("{sssIso}", "socket", all->pots[pot].name, "conn", id, "data",
                               cf_events_data(data, length, CF_OBSERVED_RECORD)));
}

static void welcome(struct honeypots *all, size_t pot)
{
    int fd = accept4(all->pots[pot].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (all->visitors == VISITORS_MAX) /* the longest-standing visitor makes room */
        leave(all, 0);
    all->visitor[all->visitors++] = (struct visitor){fd, ++all->next, pot, 0};
    cf_observer_emit(all->io, "honeypot-open",
                     json_pack("{sssI}", "socket", all->pots[pot].name, "conn", all->next));
}

/* False when the visitor has gone, or has to. */
static bool listen_to(struct honeypots *all, struct visitor *visitor)
{
    unsigned char data[CF_OBSERVED_RECORD];
    ssize_t got = recv(visitor->fd, data, sizeof data, 0);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    if (visitor->recorded < CF_OBSERVED_CONNECTION)
        record(all, visitor->pot, visitor->id, data, (size_t)got);
    visitor->recorded += (size_t)got;
    return !all->pots[visitor->pot].curt;
}

static void datagram(struct honeypots *all, size_t pot)
{
    unsigned char data[CF_OBSERVED_RECORD];
    ssize_t got = recv(all->pots[pot].fd, data, sizeof data, MSG_DONTWAIT);
    if (got >= 0)
        record(all, pot, 0, data, (size_t)got);
}

/* One round. Visitors are walked from the last to the first, so leaving moves only walked ones;
 * pots come afterwards, because a new visitor may evict the first. */
static bool attend(struct honeypots *all, int timeout)
{
    struct pollfd wait[1 + POTS_MAX + VISITORS_MAX];
    size_t first = 1 + all->count, count = first + all->visitors;
    wait[0] = (struct pollfd){.fd = all->io->stop_fd, .events = POLLIN};
    for (size_t i = 0; i < all->count; i++)
        wait[1 + i] = (struct pollfd){.fd = all->pots[i].fd, .events = POLLIN};
    for (size_t i = 0; i < all->visitors; i++)
        wait[first + i] = (struct pollfd){.fd = all->visitor[i].fd, .events = POLLIN};
    if (poll(wait, count, timeout) <= 0)
        return timeout != 0;
    for (size_t i = all->visitors; i-- > 0;)
        if (wait[first + i].revents != 0 && !listen_to(all, &all->visitor[i]))
            leave(all, i);
    for (size_t i = 0; i < all->count; i++) {
        if (wait[1 + i].revents == 0)
            continue;
        if (all->pots[i].stream)
            welcome(all, i);
        else
            datagram(all, i);
    }
    return wait[0].revents == 0;
}

int cf_honeypots_run(struct cf_observer *io, const struct cf_honeypot *pots, size_t count,
                     struct cf_error *err)
{
    struct honeypots all = {.io = io, .pots = pots, .count = count};
    int result = cf_observer_open(io, "honeypots", err);
    if (result == 0 && count > POTS_MAX)
        result = cf_fail(err, CF_E_USAGE, 0, "at most %d honeypots", POTS_MAX);
    if (result != 0)
        return cf_observer_unready(io, err);
    cf_observer_ready(io);
    while (attend(&all, -1))
        continue;
    /* What had arrived when the end was called still counts; the stop descriptor stays readable. */
    attend(&all, 0);
    attend(&all, 0);
    while (all.visitors > 0)
        leave(&all, 0);
    return cf_observer_close(io, err);
}
