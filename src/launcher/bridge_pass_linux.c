/*
 * bridge_pass_linux.c - a tunnel's bytes go from socket to socket without being looked at.
 *
 * Theory of operation. splice(2) moves pages, not bytes, but only to or from a pipe. The pipe is
 * empty before and after every pass, so one serves all tunnels: what the other end does not take at
 * once waits in that side's `out` like anything else that was received. When nothing comes, recv(2)
 * is to tell whether that is the end, and to get past an urgent byte, at which splice(2) stops; but
 * an error is told only once.
 */
#include "launcher/bridge_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK };

int firma_bridge_pipe_open(struct bridge_pipe *pipe)
{
    return pipe2(pipe->ends, O_CLOEXEC | O_NONBLOCK);
}

/* An `out` holds at least what one pass takes in. Whatever happens, nothing stays in the pipe: it
 * would come out of another tunnel. */
static void keep(struct bridge_pipe *pipe, size_t left, struct bridge_side *to)
{
    char *at;
    firma_http_buffer_room(&to->out, &at);
    if (read(pipe->ends[0], at, left) == (ssize_t)left) {
        firma_http_buffer_grow(&to->out, left);
        return;
    }
    firma_bridge_pipe_close(pipe);
    to->deaf = true;
}

bool firma_bridge_pass(struct bridge_pipe *pipe, struct bridge_side *from, struct bridge_side *to)
{
    if (pipe->ends[0] < 0)
        return false;
    ssize_t got = splice(from->watch.fd, NULL, pipe->ends[1], NULL, BRIDGE_BUFFER, FLAGS);
    ssize_t sent = got;
    size_t left = got > 0 ? (size_t)got : 0;
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        from->eof = from->reset = true;
    while (left > 0 && sent > 0) {
        sent = splice(pipe->ends[0], NULL, to->watch.fd, NULL, left, FLAGS);
        left -= sent > 0 ? (size_t)sent : 0;
    }
    if (left > 0)
        keep(pipe, left, to);
    return got > 0;
}
