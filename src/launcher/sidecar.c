#include "launcher/sidecar.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/loop_socket.h"

#define ADVICE "is the sidecar running, and is its address right?"

static void conclude(struct firma_sidecar_question *question, int result)
{
    question->result = result;
    firma_loop_stop(question->loop);
}

static void refuse(struct firma_sidecar_question *question, int errnum, const char *what)
{
    conclude(question, firma_fail(&question->why, FIRMA_E_SIDECAR, errnum, "%s %s (%s)",
                                  question->endpoint->text, what, ADVICE));
}

static void time_out(void *context)
{
    struct firma_sidecar_question *question = context;
    char what[64];
    snprintf(what, sizeof what, "does not answer HTTP within %u ms", question->bound_ms);
    refuse(question, 0, what);
}

static bool is_status(const char *text)
{
    return strncmp(text, "HTTP/1.", 7) == 0 && isdigit((unsigned char)text[7]) && text[8] == ' ' &&
           text[9] >= '1' && text[9] <= '5' && isdigit((unsigned char)text[10]) &&
           isdigit((unsigned char)text[11]) && (text[12] == ' ' || text[12] == '\r');
}

static void receive(struct firma_sidecar_question *question)
{
    ssize_t got = read(question->watch.fd, question->answer + question->got,
                       FIRMA_STATUS_BYTES - question->got);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        refuse(question, got < 0 ? errno : 0, "closed the connection without an HTTP answer");
        return;
    }
    question->got += (size_t)got;
    if (question->got < FIRMA_STATUS_BYTES)
        return;
    if (is_status(question->answer))
        conclude(question, 0);
    else
        refuse(question, 0, "answers, but not with HTTP");
}

static void transmit(struct firma_sidecar_question *question)
{
    ssize_t sent = firma_send(question->watch.fd, question->request + question->sent,
                              question->to_send - question->sent);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (sent < 0) {
        refuse(question, errno, "cannot be reached");
        return;
    }
    question->sent += (size_t)sent;
    if (question->sent == question->to_send) {
        question->watch.events = FIRMA_READ;
        if (firma_loop_watch(question->loop, &question->watch, &question->why) < 0)
            conclude(question, -FIRMA_E_SYSTEM);
    }
}

static void ready(void *context, unsigned events)
{
    struct firma_sidecar_question *question = context;
    if ((events & FIRMA_WRITE) && question->sent < question->to_send)
        transmit(question);
    else if (events & FIRMA_READ)
        receive(question);
}

/* The authority of "tcp://HOST:PORT" is the rest of it; a unix path has none. */
static void compose(struct firma_sidecar_question *question)
{
    const char *text = question->endpoint->text;
    const char *host = strncmp(text, "tcp://", 6) == 0 ? text + 6 : "localhost";
    int length = snprintf(question->request, sizeof question->request,
                          "OPTIONS * HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    question->to_send = (size_t)length;
}

/* What can be sent at once is: the answer comes while the caller does other things. */
int firma_sidecar_ask(struct firma_sidecar_question *question, struct firma_loop *loop,
                      const struct firma_endpoint *endpoint, unsigned bound_ms,
                      struct firma_error *err)
{
    bool connected; /* or not yet: writable tells */
    int fd = firma_endpoint_dial(endpoint, &connected, err);
    if (fd < 0)
        return fd;
    *question = (struct firma_sidecar_question){
        .asked = true, .loop = loop, .endpoint = endpoint, .bound_ms = bound_ms, .result = 1};
    compose(question);
    question->watch =
        (struct firma_watch){.fd = fd, .events = FIRMA_WRITE, .ready = ready, .context = question};
    question->timer = (struct firma_timer){.fire = time_out, .context = question};
    firma_loop_arm(loop, &question->timer, bound_ms);
    int result = firma_loop_watch(loop, &question->watch, err);
    if (result < 0)
        firma_sidecar_drop(question);
    else if (connected)
        transmit(question);
    return result;
}

int firma_sidecar_hear(struct firma_sidecar_question *question, const int *interrupted,
                       struct firma_error *err)
{
    int result = 0;
    while (result == 0 && question->result == 1 && *interrupted == 0)
        result = firma_loop_run(question->loop, err);
    if (result == 0 && question->result < 0) {
        result = question->result;
        *err = question->why;
    }
    firma_sidecar_drop(question);
    return result;
}

void firma_sidecar_drop(struct firma_sidecar_question *question)
{
    if (!question->asked)
        return;
    firma_loop_disarm(question->loop, &question->timer);
    firma_loop_unwatch(question->loop, &question->watch);
    close(question->watch.fd);
    question->asked = false;
}
