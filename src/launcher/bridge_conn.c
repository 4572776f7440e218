/*
 * bridge_conn.c - one guest connection: its events, its clock, its life.
 *
 * Theory of operation. An event reads once from its side, or lets a tunnel's bytes pass unread, or
 * finishes the dialling; then firma_bridge_pump() does everything that can be done without waiting:
 * it lets the state machine (bridge_exchange.c) move bytes from the two `in` buffers to the two
 * `out` buffers for as long as any move, so that a head and what follows it leave together, writes
 * those out, and repeats. Reading happens only in events, so a pump is bounded by what the buffers
 * hold. Afterwards each side is watched for exactly what could make progress: for reading while its
 * `in` has room, for writing while its `out` holds something. A full buffer thus stops the reader
 * at the other end, which is all there is to backpressure.
 *
 * One timer a connection. Progress and a new state only note the time, unless the new state's time
 * is up before the timer fires; when it fires, it either finds that the state's time is up or
 * sleeps for what is left.
 */
#include "launcher/bridge_private.h"

#include "launcher/loop_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DISCARD = 1024 * 1024 }; /* bytes taken from a guest that is being closed */

static uint64_t time_of(const struct bridge_conn *conn)
{
    const struct firma_bridge_limits *limits = &conn->bridge->limits;
    const uint64_t table[BRIDGE_STATES] = {
        [BRIDGE_IDLE] = limits->idle,     [BRIDGE_HEAD] = limits->head,
        [BRIDGE_DIAL] = limits->dial,     [BRIDGE_EXCHANGE] = limits->exchange,
        [BRIDGE_TUNNEL] = limits->tunnel, [BRIDGE_LINGER] = limits->linger,
    };
    return table[conn->state];
}

void firma_bridge_enter(struct bridge_conn *conn, enum bridge_state state)
{
    conn->state = state;
    conn->touched = firma_loop_now();
    firma_loop_arm_latest(conn->bridge->loop, &conn->timer, time_of(conn));
}

/* A head has its time from first to last byte, however slowly the rest of it trickles in. */
static void touch(struct bridge_conn *conn)
{
    if (conn->state != BRIDGE_HEAD && conn->state != BRIDGE_DIAL)
        conn->touched = firma_loop_now();
}

static void timer_fired(void *context)
{
    struct bridge_conn *conn = context;
    uint64_t spent = firma_loop_now() - conn->touched;
    if (spent < time_of(conn)) {
        firma_loop_arm(conn->bridge->loop, &conn->timer, time_of(conn) - spent);
        return;
    }
    firma_bridge_expire(conn);
    firma_bridge_pump(conn);
}

static void discard(struct bridge_conn *conn)
{
    conn->discarded += firma_http_buffer_used(&conn->guest.in);
    firma_http_buffer_clear(&conn->guest.in);
    if (conn->discarded > DISCARD)
        conn->over = true;
}

/* In a tunnel with nothing under way, bytes need not be read to be relayed. */
static bool receive(struct bridge_conn *conn, struct bridge_side *from, struct bridge_side *to)
{
    bool passes = conn->state == BRIDGE_TUNNEL && !from->eof && !to->deaf &&
                  firma_http_buffer_used(&from->in) == 0 && firma_http_buffer_used(&to->out) == 0;
    return (passes && firma_bridge_pass(&conn->bridge->pipe, from, to)) ||
           firma_bridge_side_fill(from);
}

static void guest_ready(void *context, unsigned events)
{
    struct bridge_conn *conn = context;
    if ((events & FIRMA_READ) && receive(conn, &conn->guest, &conn->sidecar)) {
        if (conn->state == BRIDGE_LINGER)
            discard(conn);
        else
            touch(conn);
    }
    if (conn->guest.reset)
        conn->over = true;
    firma_bridge_pump(conn);
}

static void sidecar_ready(void *context, unsigned events)
{
    struct bridge_conn *conn = context;
    if (conn->state == BRIDGE_DIAL) {
        int errnum = 0;
        socklen_t size = sizeof errnum;
        if (getsockopt(conn->sidecar.watch.fd, SOL_SOCKET, SO_ERROR, &errnum, &size) != 0)
            errnum = errno;
        firma_bridge_dialled(conn, errnum);
    } else if (conn->state == BRIDGE_IDLE || conn->state == BRIDGE_HEAD) {
        firma_bridge_side_hang_up(conn->bridge->loop, &conn->sidecar); /* it was not asked */
    } else if ((events & FIRMA_READ) && receive(conn, &conn->sidecar, &conn->guest)) {
        touch(conn);
    }
    firma_bridge_pump(conn);
}

void firma_bridge_serve(struct firma_bridge *bridge, int fd)
{
    struct bridge_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        close(fd);
        return;
    }
    firma_no_delay(fd);
    conn->bridge = bridge;
    conn->guest.watch = (struct firma_watch){.fd = fd, .ready = guest_ready, .context = conn};
    conn->sidecar.watch = (struct firma_watch){.fd = -1, .ready = sidecar_ready, .context = conn};
    conn->timer = (struct firma_timer){.fire = timer_fired, .context = conn};
    conn->next = bridge->conns;
    conn->link = &bridge->conns;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    bridge->conns = conn;
    firma_bridge_count(bridge);
    firma_bridge_enter(conn, BRIDGE_IDLE);
    conn->over = !firma_bridge_side_open(&conn->guest, BRIDGE_ANSWER);
    firma_bridge_pump(conn);
}

void firma_bridge_conn_destroy(struct bridge_conn *conn)
{
    struct firma_bridge *bridge = conn->bridge;
    firma_loop_disarm(bridge->loop, &conn->timer);
    firma_bridge_side_close(bridge->loop, &conn->guest);
    firma_bridge_side_close(bridge->loop, &conn->sidecar);
    *conn->link = conn->next;
    if (conn->next != NULL)
        conn->next->link = conn->link;
    bridge->conn_count--;
    free(conn);
}

static unsigned wanted(const struct bridge_side *side)
{
    unsigned events = firma_http_buffer_used(&side->out) > 0 ? FIRMA_WRITE : 0u;
    if (!side->eof && firma_http_buffer_used(&side->in) < side->in.capacity)
        events |= FIRMA_READ;
    return events;
}

static void watch_side(struct bridge_conn *conn, struct bridge_side *side, unsigned events)
{
    if (side->watch.fd < 0 || (side->watch.active && side->watch.events == events))
        return;
    side->watch.events = events;
    if (firma_loop_watch(conn->bridge->loop, &side->watch, NULL) != 0)
        conn->over = true;
}

void firma_bridge_pump(struct bridge_conn *conn)
{
    struct firma_bridge *bridge = conn->bridge;
    bool moved = true;
    while (moved && !conn->over) {
        moved = false;
        while (!conn->over && firma_bridge_advance(conn))
            moved = true;
        bool written = firma_bridge_side_flush(&conn->guest);
        if (conn->state != BRIDGE_DIAL)
            written |= firma_bridge_side_flush(&conn->sidecar);
        if (written)
            touch(conn);
        moved |= written;
        conn->over |= conn->guest.deaf;
    }
    if (!conn->over) {
        watch_side(conn, &conn->guest, wanted(&conn->guest));
        watch_side(conn, &conn->sidecar,
                   conn->state == BRIDGE_DIAL ? FIRMA_WRITE : wanted(&conn->sidecar));
    }
    if (conn->over) {
        firma_bridge_conn_destroy(conn);
        firma_bridge_resume(bridge);
    }
}
