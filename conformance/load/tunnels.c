/*
 * CONNECT tunnels at once, each with a stream of its own to an echo and back: every byte is
 * compared with what was sent, in its place, and the number of them too. Each ends half by half.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TUNNELS = 8 };

struct tunnel {
    struct bore *bore;
    struct firma_watch watch;
    uint64_t seed, sent, got;
    char head[1024];
    size_t head_used;
    bool open, over;
};

struct bore {
    struct load *load;
    struct load_report *report;
    struct tunnel tunnels[TUNNELS];
    uint64_t each; /* bytes one way */
    unsigned left;
};

static void end(struct tunnel *tunnel, const char *problem)
{
    struct bore *bore = tunnel->bore;
    if (problem != NULL)
        load_problem(bore->report, "tunnel %u: %s, %llu bytes sent, %llu came back of %llu",
                     (unsigned)tunnel->seed, problem, (unsigned long long)tunnel->sent,
                     (unsigned long long)tunnel->got, (unsigned long long)bore->each);
    firma_loop_unwatch(bore->load->loop, &tunnel->watch);
    tunnel->over = true;
    if (--bore->left == 0 || problem != NULL)
        load_done(bore->load->loop);
}

static void want(struct tunnel *tunnel, unsigned events)
{
    struct firma_error err;
    if (tunnel->watch.active && tunnel->watch.events == events)
        return;
    tunnel->watch.events = events;
    if (firma_loop_watch(tunnel->bore->load->loop, &tunnel->watch, &err) != 0)
        load_give_up("%s", err.text);
}

static void read_head(struct tunnel *tunnel)
{
    char byte;
    while (recv(tunnel->watch.fd, &byte, 1, 0) == 1 &&
           tunnel->head_used + 1 < sizeof tunnel->head) {
        tunnel->head[tunnel->head_used++] = byte;
        tunnel->open = tunnel->head_used >= 4 &&
                       memcmp(tunnel->head + tunnel->head_used - 4, "\r\n\r\n", 4) == 0;
        if (tunnel->open)
            break;
    }
    if (tunnel->open && strncmp(tunnel->head, "HTTP/1.1 200 ", 13) != 0)
        end(tunnel, "was not opened");
    else if (tunnel->open)
        want(tunnel, FIRMA_READ | FIRMA_WRITE);
}

static void send_some(struct tunnel *tunnel)
{
    uint64_t left = tunnel->bore->each - tunnel->sent;
    ssize_t sent = send(tunnel->watch.fd, load_pattern(tunnel->seed, tunnel->sent),
                        left > LOAD_RUN ? LOAD_RUN : (size_t)left, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        end(tunnel, strerror(errno));
        return;
    }
    tunnel->sent += sent > 0 ? (uint64_t)sent : 0;
    if (tunnel->sent == tunnel->bore->each) {
        shutdown(tunnel->watch.fd, SHUT_WR);
        want(tunnel, FIRMA_READ);
    }
}

static void read_some(struct tunnel *tunnel)
{
    static char bytes[LOAD_RUN];
    ssize_t got = recv(tunnel->watch.fd, bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got < 0)
        end(tunnel, strerror(errno));
    else if (got == 0)
        end(tunnel, tunnel->got == tunnel->bore->each ? NULL : "ended");
    else if (!load_pattern_holds(tunnel->seed, tunnel->got, bytes, (size_t)got))
        end(tunnel, "other bytes than sent");
    else
        tunnel->got += (uint64_t)got;
}

static void ready(void *context, unsigned events)
{
    struct tunnel *tunnel = context;
    if (!tunnel->open) {
        read_head(tunnel);
        return;
    }
    if ((events & FIRMA_WRITE) && tunnel->sent < tunnel->bore->each)
        send_some(tunnel);
    if ((events & FIRMA_READ) && !tunnel->over)
        read_some(tunnel);
}

static void dig(struct bore *bore, unsigned number)
{
    static const char request[] = "CONNECT echo.example:443 HTTP/1.1\r\nHost: echo.example:443\r\n"
                                  "\r\n";
    struct tunnel *tunnel = &bore->tunnels[number];
    struct firma_error err;
    tunnel->bore = bore;
    tunnel->seed = number;
    tunnel->watch = (struct firma_watch){
        .fd = load_dial(bore->load->subject.bridge), .ready = ready, .context = tunnel};
    /* On loopback the connection is there as soon as connect(2) has returned. */
    if (send(tunnel->watch.fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        load_give_up("a tunnel's first bytes: %s", strerror(errno));
    tunnel->watch.events = FIRMA_READ;
    if (firma_loop_watch(bore->load->loop, &tunnel->watch, &err) != 0)
        load_give_up("%s", err.text);
}

void load_tunnels(struct load *load, struct load_report *report)
{
    struct bore *bore = calloc(1, sizeof *bore);
    uint64_t start = firma_loop_now(), moved = 0;
    if (bore == NULL)
        load_give_up("out of memory");
    bore->load = load;
    bore->report = report;
    bore->left = TUNNELS;
    bore->each = (load->small ? 256ull << 20 : 4096ull << 20) / (2 * TUNNELS);
    for (unsigned i = 0; i < TUNNELS; i++)
        dig(bore, i);
    if (!load_wait(load->loop))
        load_problem(report, "%u tunnels did not end", bore->left);
    for (unsigned i = 0; i < TUNNELS; i++) {
        moved += bore->tunnels[i].sent + bore->tunnels[i].got;
        firma_loop_unwatch(load->loop, &bore->tunnels[i].watch);
        close(bore->tunnels[i].watch.fd);
    }
    load_number(report, "tunnels", TUNNELS);
    load_number(report, "bytes", (long long)moved);
    load_number(report, "mib_per_second",
                (long long)((moved >> 20) * 1000 / (firma_loop_now() - start + 1)));
    free(bore);
}
