/*
 * Small requests: some clients, each with one request at a time, on a connection that is kept for
 * as long as the relay keeps it. Few of them wait for nothing but their own answer, and tell how
 * long that takes; a crowd always has one for the relay, and tells how many a second it can do.
 */
#include "relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clocks.h"

#define REQUEST                                                                                    \
    "GET http://192.0.2.1/index.html HTTP/1.1\r\nHost: 192.0.2.1\r\nUser-Agent: bench/1\r\n"       \
    "Accept: text/plain, */*\r\nAccept-Encoding: identity\r\nCache-Control: no-cache\r\n\r\n"

enum { FEW = 8, CROWD = 32, REQUESTS = 4000, P99 = REQUESTS * 99 / 100, ANSWER = 4096, BODY = 2 };

struct load;

struct client {
    struct relay_watch watch;
    struct load *load;
    uint64_t begun;
    bool kept; /* its connection has brought an answer before */
    size_t used;
    char answer[ANSWER + 1];
};

struct load {
    struct relay *relay;
    const struct contender *contender;
    struct client clients[CROWD];
    uint64_t times[REQUESTS];
    int begun;
    int done;
    uint64_t took;  /* ns, all of them */
    uint64_t spent; /* ns of the relay's processor time */
};

static void client_ready(struct relay_watch *watch, uint32_t events);

static void hang_up(struct client *client)
{
    if (client->watch.fd >= 0)
        close(client->watch.fd);
    client->watch.fd = -1;
}

static void send_request(struct client *client)
{
    const struct load *load = client->load;
    client->used = 0;
    if (client->watch.fd < 0) {
        client->watch = (struct relay_watch){relay_connect(load->contender), client_ready};
        client->kept = false;
        relay_watch(load->relay, &client->watch, EPOLLIN);
    }
    if (send(client->watch.fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) < 0 && !client->kept)
        bench_die(errno, "%s: cannot ask", load->contender->name);
}

static void ask(struct client *client)
{
    struct load *load = client->load;
    if (load->begun == REQUESTS) {
        hang_up(client);
        return;
    }
    load->begun++;
    client->begun = bench_now();
    send_request(client);
}

/* Some relays end a connection after an answer without having said so: then it is asked again on
 * another, and the time runs on. */
static void lose(struct client *client, int errnum)
{
    if (!client->kept || client->used > 0)
        bench_die(errnum, "%s: no answer", client->load->contender->name);
    hang_up(client);
    send_request(client);
}

static void finish(struct client *client)
{
    struct load *load = client->load;
    load->times[load->done++] = bench_now() - client->begun;
    if (strncmp(client->answer + 8, " 200", 4) != 0)
        bench_die(0, "%s: %.60s", load->contender->name, client->answer);
    if (strncmp(client->answer, "HTTP/1.0", 8) == 0 ||
        strcasestr(client->answer, "\r\nconnection: close") != NULL)
        hang_up(client);
    client->kept = true;
    ask(client);
}

static void client_ready(struct relay_watch *watch, uint32_t events)
{
    struct client *client = (struct client *)watch;
    (void)events;
    ssize_t got =
        recv(watch->fd, client->answer + client->used, ANSWER - client->used, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        lose(client, got < 0 ? errno : 0);
        return;
    }
    client->used += (size_t)got;
    client->answer[client->used] = '\0';
    const char *end = strstr(client->answer, "\r\n\r\n");
    if (end != NULL && client->used >= (size_t)(end - client->answer) + 4 + BODY)
        finish(client);
}

static int by_value(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

static void run(struct load *load, struct relay *relay, const struct contender *contender,
                int clients)
{
    *load = (struct load){.relay = relay, .contender = contender};
    uint64_t spent = bench_cpu(contender->pid), begun = bench_now();
    for (int i = 0; i < clients; i++) {
        load->clients[i].load = load;
        load->clients[i].watch.fd = -1;
        ask(&load->clients[i]);
    }
    while (load->done < REQUESTS)
        relay_turn(relay, contender->name);
    load->took = bench_now() - begun;
    load->spent = bench_cpu(contender->pid) - spent;
    for (int i = 0; i < clients; i++)
        hang_up(&load->clients[i]);
}

void relay_measure_requests(struct relay *relay, const struct contender *contender, bool shown)
{
    static struct load few, crowd;
    run(&few, relay, contender, FEW);
    run(&crowd, relay, contender, CROWD);
    if (!shown)
        return;
    qsort(few.times, REQUESTS, sizeof *few.times, by_value);
    printf("request-p99 %s %.1f\n", contender->name, (double)few.times[P99] / 1e3);
    printf("request-rate %s %.1f\n", contender->name, REQUESTS / ((double)crowd.took / 1e9));
    printf("request-cpu %s %.2f\n", contender->name, (double)crowd.spent / 1e3 / REQUESTS);
    printf("request-busy %s %.1f\n", contender->name,
           (double)crowd.spent * 100 / (double)crowd.took);
}
