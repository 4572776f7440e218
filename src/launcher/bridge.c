#include "launcher/bridge_private.h"

#include "launcher/loop_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { ACCEPTS = 16, PAUSE_MS = 200 }; /* connections a wake-up; see accept_one() */
enum { CROWD = 4 };                    /* connections; see give_memory_back() */

static const struct firma_bridge_limits defaults = {
    .connections = FIRMA_BRIDGE_CONNECTIONS,
    .idle = 75 * 1000,
    .head = 30 * 1000,
    .dial = 10 * 1000,
    .exchange = 600 * 1000,
    .tunnel = 3600 * 1000,
    .linger = 5 * 1000,
};

static void listen_for(struct firma_bridge *bridge, unsigned events)
{
    if (bridge->listener.active && bridge->listener.events == events)
        return;
    bridge->listener.events = events;
    firma_loop_watch(bridge->loop, &bridge->listener, NULL);
}

void firma_bridge_count(struct firma_bridge *bridge)
{
    if (++bridge->conn_count > bridge->conn_peak)
        bridge->conn_peak = bridge->conn_count;
}

/* What a crowd has needed goes back to the system when most of it has left, and when all of it has:
 * an allocator keeps all that lies below the last small block in use. */
static void give_memory_back(struct firma_bridge *bridge)
{
    bool most = bridge->conn_peak >= CROWD && bridge->conn_count <= bridge->conn_peak / 4;
    if (!most && !(bridge->remnant && bridge->conn_count == 0))
        return;
    bridge->conn_peak = bridge->conn_count;
    bridge->remnant = bridge->conn_count > 0;
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void firma_bridge_resume(struct firma_bridge *bridge)
{
    give_memory_back(bridge);
    if (bridge->conn_count < bridge->limits.connections && !bridge->pause.active)
        listen_for(bridge, FIRMA_READ);
}

static void resume_after_pause(void *context)
{
    firma_bridge_resume(context);
}

static bool is_owner(struct firma_bridge *bridge, int fd)
{
    struct sockaddr_in local, remote;
    socklen_t local_size = sizeof local, remote_size = sizeof remote;
    return getsockname(fd, (struct sockaddr *)&local, &local_size) == 0 &&
           getpeername(fd, (struct sockaddr *)&remote, &remote_size) == 0 &&
           firma_peer_is(&bridge->peer, IPPROTO_TCP, &remote, &local, bridge->config.owner);
}

/* False when there is nothing to accept now. Out of descriptors or memory, the listener would stay
 * readable and spin: it is left alone for a while instead. */
static bool accept_one(struct firma_bridge *bridge)
{
    int fd = firma_accept(bridge->listener.fd);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            firma_loop_arm(bridge->loop, &bridge->pause, PAUSE_MS);
            listen_for(bridge, 0);
        }
        return errno == ECONNABORTED || errno == EINTR;
    }
    if (is_owner(bridge, fd))
        firma_bridge_serve(bridge, fd);
    else
        close(fd); /* without a byte */
    return true;
}

static void accept_ready(void *context, unsigned events)
{
    struct firma_bridge *bridge = context;
    (void)events;
    for (int i = 0; i < ACCEPTS && bridge->conn_count < bridge->limits.connections; i++)
        if (!accept_one(bridge))
            return;
    if (bridge->conn_count >= bridge->limits.connections)
        listen_for(bridge, 0);
}

static struct firma_bridge_limits limits_of(const struct firma_bridge_config *config)
{
    const struct firma_bridge_limits *asked = &config->limits;
    return (struct firma_bridge_limits){
        .connections = asked->connections ? asked->connections : defaults.connections,
        .idle = asked->idle ? asked->idle : defaults.idle,
        .head = asked->head ? asked->head : defaults.head,
        .dial = asked->dial ? asked->dial : defaults.dial,
        .exchange = asked->exchange ? asked->exchange : defaults.exchange,
        .tunnel = asked->tunnel ? asked->tunnel : defaults.tunnel,
        .linger = asked->linger ? asked->linger : defaults.linger,
    };
}

static int start_listening(struct firma_bridge *bridge, struct firma_error *err)
{
    bridge->listener.fd = firma_listen_loopback(SOCK_STREAM, &bridge->port);
    if (bridge->listener.fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "cannot listen on 127.0.0.1");
    if (firma_bridge_pipe_open(&bridge->pipe) != 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "pipe");
    int rc = firma_peer_open(&bridge->peer, IPPROTO_TCP, bridge->listener.fd, err);
    if (rc != 0)
        return rc;
    bridge->listener.events = FIRMA_READ;
    return firma_loop_watch(bridge->loop, &bridge->listener, err);
}

int firma_bridge_open(struct firma_bridge **out, struct firma_loop *loop,
                      const struct firma_bridge_config *config, struct firma_error *err)
{
    struct firma_bridge *bridge = calloc(1, sizeof *bridge);
    if (bridge == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "bridge");
    *bridge = (struct firma_bridge){
        .loop = loop,
        .config = *config,
        .limits = limits_of(config),
        .listener = {.fd = -1, .ready = accept_ready, .context = bridge},
        .pause = {.fire = resume_after_pause, .context = bridge},
        .peer = {.fd = -1},
        .pipe = {{-1, -1}},
    };
    int rc =
        firma_bridge_attribution(&bridge->attribution, config->headers, config->header_count, err);
    if (rc == 0)
        rc = start_listening(bridge, err);
    if (rc != 0) {
        firma_bridge_close(bridge);
        return firma_wrap(err, "bridge");
    }
    *out = bridge;
    return 0;
}

uint16_t firma_bridge_port(const struct firma_bridge *bridge)
{
    return bridge->port;
}

void firma_bridge_pipe_close(struct bridge_pipe *pipe)
{
    for (int i = 0; i < 2; i++) {
        if (pipe->ends[i] >= 0)
            close(pipe->ends[i]);
        pipe->ends[i] = -1;
    }
}

void firma_bridge_close(struct firma_bridge *bridge)
{
    if (bridge == NULL)
        return;
    firma_loop_disarm(bridge->loop, &bridge->pause);
    firma_loop_unwatch(bridge->loop, &bridge->listener);
    if (bridge->listener.fd >= 0)
        close(bridge->listener.fd);
    while (bridge->conns != NULL)
        firma_bridge_conn_destroy(bridge->conns);
    firma_bridge_pipe_close(&bridge->pipe);
    firma_peer_close(&bridge->peer);
    firma_http_buffer_close(&bridge->attribution);
    free(bridge);
}
