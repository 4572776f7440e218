#include "launcher/sidecar.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/loop_socket.h"

#define ADVICE "is the sidecar running, and is its address right?"

/* "HTTP/1.x NNN" and one more byte, which ends the number. */
enum { STATUS_BYTES = 13 };

struct check {
    struct firma_loop *loop;
    const struct firma_endpoint *endpoint;
    struct firma_watch watch;
    struct firma_timer timer;
    char request[256];
    size_t to_send;
    size_t sent;
    char answer[STATUS_BYTES];
    size_t got;
    unsigned bound_ms;
    int result;
    struct firma_error *err;
};

static void conclude(struct check *check, int result)
{
    check->result = result;
    firma_loop_stop(check->loop);
}

static void refuse(struct check *check, int errnum, const char *what)
{
    conclude(check, firma_fail(check->err, FIRMA_E_SIDECAR, errnum, "%s %s (%s)",
                               check->endpoint->text, what, ADVICE));
}

static void time_out(void *context)
{
    struct check *check = context;
    char what[64];
    snprintf(what, sizeof what, "does not answer HTTP within %u ms", check->bound_ms);
    refuse(check, 0, what);
}

static bool is_status(const char *text)
{
    return strncmp(text, "HTTP/1.", 7) == 0 && isdigit((unsigned char)text[7]) && text[8] == ' ' &&
           text[9] >= '1' && text[9] <= '5' && isdigit((unsigned char)text[10]) &&
           isdigit((unsigned char)text[11]) && (text[12] == ' ' || text[12] == '\r');
}

static void receive(struct check *check)
{
    ssize_t got = read(check->watch.fd, check->answer + check->got, STATUS_BYTES - check->got);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        refuse(check, got < 0 ? errno : 0, "closed the connection without an HTTP answer");
        return;
    }
    check->got += (size_t)got;
    if (check->got < STATUS_BYTES)
        return;
    if (is_status(check->answer))
        conclude(check, 0);
    else
        refuse(check, 0, "answers, but not with HTTP");
}

static void transmit(struct check *check)
{
    ssize_t sent =
        firma_send(check->watch.fd, check->request + check->sent, check->to_send - check->sent);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (sent < 0) {
        refuse(check, errno, "cannot be reached");
        return;
    }
    check->sent += (size_t)sent;
    if (check->sent == check->to_send) {
        check->watch.events = FIRMA_READ;
        if (firma_loop_watch(check->loop, &check->watch, check->err) < 0)
            conclude(check, -FIRMA_E_SYSTEM);
    }
}

static void ready(void *context, unsigned events)
{
    struct check *check = context;
    if ((events & FIRMA_WRITE) && check->sent < check->to_send)
        transmit(check);
    else if (events & FIRMA_READ)
        receive(check);
}

/* The authority of "tcp://HOST:PORT" is the rest of it; a unix path has none. */
static void compose(struct check *check)
{
    const char *text = check->endpoint->text;
    const char *host = strncmp(text, "tcp://", 6) == 0 ? text + 6 : "localhost";
    int length = snprintf(check->request, sizeof check->request,
                          "OPTIONS * HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    check->to_send = (size_t)length;
}

int firma_sidecar_check(struct firma_loop *loop, const struct firma_endpoint *endpoint,
                        unsigned bound_ms, const int *interrupted, struct firma_error *err)
{
    struct check check = {
        .loop = loop, .endpoint = endpoint, .bound_ms = bound_ms, .result = 1, .err = err};
    bool connected; /* or not yet: writable tells */
    int fd = firma_endpoint_dial(endpoint, &connected, err);
    if (fd < 0)
        return fd;
    compose(&check);
    check.watch =
        (struct firma_watch){.fd = fd, .events = FIRMA_WRITE, .ready = ready, .context = &check};
    check.timer = (struct firma_timer){.fire = time_out, .context = &check};
    firma_loop_arm(loop, &check.timer, bound_ms);
    int result = firma_loop_watch(loop, &check.watch, err);
    while (result == 0 && check.result == 1 && *interrupted == 0)
        result = firma_loop_run(loop, err);
    firma_loop_disarm(loop, &check.timer);
    firma_loop_unwatch(loop, &check.watch);
    close(fd);
    return result < 0 ? result : check.result == 1 ? 0 : check.result;
}
