/*
 * UDP through the relay. A flow is one client address at one guest port and one connected socket on
 * the host, so that an answer finds its way back and nothing but the stub can answer. There is no
 * time-out: a new client takes the place of the flow that has been quiet longest.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/ns/relay_private.h"

enum { DATAGRAM_MAX = 65535, BATCH = 16 };

struct relay_flow {
    struct relay_port *port; /* NULL: free */
    struct sockaddr_in client;
    struct firma_ns_watch host;
    uint64_t used;
};

int relay_flows_open(struct firma_relay *relay)
{
    relay->flows = calloc(RELAY_FLOWS, sizeof *relay->flows);
    return relay->flows != NULL ? 0 : -1;
}

static void end_flow(struct relay_flow *flow)
{
    if (flow->port == NULL)
        return;
    firma_ns_events_set(flow->port->relay->events, &flow->host, 0);
    close(flow->host.fd);
    *flow = (struct relay_flow){0};
}

void relay_flows_close(struct firma_relay *relay)
{
    for (size_t i = 0; i < RELAY_FLOWS; i++)
        end_flow(&relay->flows[i]);
    free(relay->flows);
    relay->flows = NULL;
}

static void answer_ready(void *context, uint32_t events)
{
    struct relay_flow *flow = context;
    char bytes[DATAGRAM_MAX];
    (void)events;
    for (int i = 0; i < BATCH; i++) {
        ssize_t got = recv(flow->host.fd, bytes, sizeof bytes, 0);
        if (got < 0) {
            if (errno != EAGAIN && errno != EINTR)
                end_flow(flow); /* the stub is gone; the client's next datagram tries anew */
            return;
        }
        /* A client that does not take its answer has lost it: that is UDP. */
        (void)sendto(flow->port->watch.fd, bytes, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL,
                     (const struct sockaddr *)&flow->client, sizeof flow->client);
    }
}

static bool is_flow_of(const struct relay_flow *flow, const struct relay_port *port,
                       const struct sockaddr_in *client)
{
    return flow->port == port && flow->client.sin_port == client->sin_port &&
           flow->client.sin_addr.s_addr == client->sin_addr.s_addr;
}

/* The flow of CLIENT, or a free one, or the one quiet longest (free ones were never used). */
static struct relay_flow *find_flow(struct firma_relay *relay, const struct relay_port *port,
                                    const struct sockaddr_in *client)
{
    struct relay_flow *oldest = &relay->flows[0];
    for (size_t i = 0; i < RELAY_FLOWS; i++) {
        struct relay_flow *flow = &relay->flows[i];
        if (is_flow_of(flow, port, client))
            return flow;
        if (flow->used < oldest->used)
            oldest = flow;
    }
    return oldest;
}

static struct relay_flow *obtain_flow(struct relay_port *port, const struct sockaddr_in *client)
{
    struct relay_flow *flow = find_flow(port->relay, port, client);
    if (is_flow_of(flow, port, client))
        return flow;
    end_flow(flow);
    int fd = relay_dial(SOCK_DGRAM, port->upstream);
    if (fd < 0)
        return NULL;
    flow->port = port;
    flow->client = *client;
    flow->host = (struct firma_ns_watch){.fd = fd, .ready = answer_ready, .context = flow};
    if (firma_ns_events_set(port->relay->events, &flow->host, EPOLLIN) == 0)
        return flow;
    end_flow(flow);
    return NULL;
}

void relay_forward(void *context, uint32_t events)
{
    struct relay_port *port = context;
    char bytes[DATAGRAM_MAX];
    (void)events;
    for (int i = 0; i < BATCH; i++) {
        struct sockaddr_in client = {0};
        socklen_t length = sizeof client;
        ssize_t got =
            recvfrom(port->watch.fd, bytes, sizeof bytes, 0, (struct sockaddr *)&client, &length);
        if (got < 0)
            return;
        struct relay_flow *flow = obtain_flow(port, &client);
        if (flow == NULL)
            continue;
        flow->used = ++port->relay->clock;
        (void)send(flow->host.fd, bytes, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}
