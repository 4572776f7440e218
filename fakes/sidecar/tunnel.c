/* tunnel.c - CONNECT: bytes both ways, each direction closed by itself. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "sidecar.h"

/* Recorded as they arrive, not at the end: whoever kills us must not take the evidence along. */
static void record_up(struct fake_conn *conn, size_t offset, const struct fake_stream *run)
{
    if (offset >= FAKE_RECORDED || run->used == 0)
        return;
    fake_log(conn, "tunnel",
             json_pack("{sI sI so}", "index", (json_int_t)conn->index, "offset", (json_int_t)offset,
                       "data", cf_events_data(run->data, run->used, FAKE_RECORDED - offset)));
}

static bool flush_up(struct fake_conn *conn, int upstream, size_t *total)
{
    record_up(conn, *total, &conn->guest);
    *total += conn->guest.used;
    bool sent = fake_send(upstream, conn->guest.data, conn->guest.used);
    conn->guest.used = 0;
    return sent;
}

static bool flush_down(struct fake_conn *conn, struct fake_stream *upstream, size_t *total)
{
    *total += upstream->used;
    bool sent = fake_relay(conn, upstream->data, upstream->used);
    upstream->used = 0;
    return sent;
}

/* One direction's turn: false ends the tunnel. Its end is passed on as a half-close; the last one's
 * by the close itself, so that the record of the end is there before anybody can see the end. */
static bool pump(struct fake_stream *from, int to, struct pollfd *wait, bool last)
{
    int got = fake_stream_fill(from, 0);
    if (got < 0)
        return false;
    if (got == 0) {
        if (!last)
            shutdown(to, SHUT_WR);
        wait->fd = -1;
    }
    return true;
}

static const char *run(struct fake_conn *conn, struct fake_stream *upstream, size_t total[2])
{
    struct pollfd wait[2] = {{.fd = conn->guest.fd, .events = POLLIN},
                             {.fd = upstream->fd, .events = POLLIN}};
    if (!flush_up(conn, upstream->fd, &total[0]))
        return "upstream gone";
    while (wait[0].fd >= 0 || wait[1].fd >= 0) {
        int ready = poll(wait, 2, FAKE_IDLE_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return "idle";
        if (wait[0].revents != 0 && (!pump(&conn->guest, upstream->fd, &wait[0], wait[1].fd < 0) ||
                                     !flush_up(conn, upstream->fd, &total[0])))
            return "tunnel broken";
        if (wait[1].revents != 0 && (!pump(upstream, conn->guest.fd, &wait[1], wait[0].fd < 0) ||
                                     !flush_down(conn, upstream, &total[1])))
            return "tunnel broken";
    }
    return "tunnel closed";
}

const char *fake_tunnel(struct fake_conn *conn, const struct fake_head *head)
{
    static const char opened[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
    char host[256];
    uint16_t port = 0;
    if (!fake_authority(&head->word[1], 0, host, sizeof host, &port))
        return fake_answer(conn, 400, "Bad Request", "") ? NULL : "guest gone";
    struct fake_stream upstream = {.fd = fake_dial(conn, host, port)};
    if (upstream.fd < 0)
        return fake_answer(conn, 502, "Bad Gateway",
                           "Proxy-Status: fake-sidecar; error=connection_refused\r\n")
                   ? NULL
                   : "guest gone";
    fake_delay(conn);
    fake_log(conn, "response",
             json_pack("{sI si sb}", "index", (json_int_t)conn->index, "status", 200, "own", 1));
    size_t total[2] = {0, 0};
    const char *reason = "guest gone";
    if (fake_send(conn->guest.fd, opened, strlen(opened))) {
        fake_answered(conn, false);
        reason = run(conn, &upstream, total);
    }
    fake_log(conn, "tunnel-end",
             json_pack("{sI sI sI}", "index", (json_int_t)conn->index, "up", (json_int_t)total[0],
                       "down", (json_int_t)total[1]));
    fake_stream_close(&upstream);
    return reason;
}
