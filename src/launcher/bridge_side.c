#include "launcher/bridge_private.h"

#include "launcher/loop_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

bool firma_bridge_side_open(struct bridge_side *side, size_t out_capacity)
{
    return firma_http_buffer_open(&side->in, BRIDGE_BUFFER) &&
           firma_http_buffer_open(&side->out, out_capacity);
}

void firma_bridge_side_hang_up(struct firma_loop *loop, struct bridge_side *side)
{
    firma_loop_unwatch(loop, &side->watch);
    if (side->watch.fd >= 0)
        close(side->watch.fd);
    side->watch.fd = -1;
    side->watch.events = 0;
    side->eof = side->reset = side->shut = side->deaf = false;
    firma_http_buffer_clear(&side->in);
    firma_http_buffer_clear(&side->out);
}

void firma_bridge_side_close(struct firma_loop *loop, struct bridge_side *side)
{
    firma_bridge_side_hang_up(loop, side);
    firma_http_buffer_close(&side->in);
    firma_http_buffer_close(&side->out);
}

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

bool firma_bridge_side_is_quiet(const struct bridge_side *side)
{
    char byte;
    return side->watch.fd >= 0 && !side->eof && recv(side->watch.fd, &byte, 1, MSG_PEEK) < 0 &&
           would_wait();
}

bool firma_bridge_side_fill(struct bridge_side *side)
{
    char *at;
    size_t room = firma_http_buffer_room(&side->in, &at);
    if (room == 0 || side->eof)
        return false;
    ssize_t got = recv(side->watch.fd, at, room, 0);
    if (got > 0)
        firma_http_buffer_grow(&side->in, (size_t)got);
    else if (got == 0)
        side->eof = true;
    else if (!would_wait())
        side->eof = side->reset = true;
    return got > 0;
}

bool firma_bridge_side_flush(struct bridge_side *side)
{
    bool moved = false;
    while (side->watch.fd >= 0 && firma_http_buffer_used(&side->out) > 0) {
        struct http_text text = firma_http_buffer_text(&side->out);
        ssize_t sent = firma_send(side->watch.fd, text.at, text.length);
        if (sent < 0 && would_wait())
            return moved;
        if (sent < 0) {
            side->deaf = true;
            firma_http_buffer_clear(&side->out);
            return true;
        }
        firma_http_buffer_consume(&side->out, (size_t)sent);
        moved = true;
    }
    return moved;
}

void firma_bridge_side_shut(struct bridge_side *side)
{
    side->shut = true;
    if (shutdown(side->watch.fd, SHUT_WR) != 0)
        side->deaf = true;
}

void firma_bridge_side_make_reset(struct bridge_side *side)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(side->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}
