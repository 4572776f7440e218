#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "sidecar.h"

void fake_delay(const struct fake_conn *conn)
{
    if (conn->sidecar->script.slow_ms > 0)
        poll(NULL, 0, conn->sidecar->script.slow_ms);
}

bool fake_answer(struct fake_conn *conn, int status, const char *reason, const char *extra)
{
    char text[512];
    fake_delay(conn);
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 %d %s\r\nServer: fake-sidecar\r\n%sContent-Length: 0\r\n\r\n",
                          status, reason, extra);
    fake_log(conn, "response",
             json_pack("{sI si sb}", "index", (json_int_t)conn->index, "status", status, "own", 1));
    return fake_send(conn->guest.fd, text, (size_t)length);
}

bool fake_relay(void *context, const void *data, size_t length)
{
    struct fake_conn *conn = context;
    struct fake_sidecar *sidecar = conn->sidecar;
    pthread_mutex_lock(&sidecar->lock);
    long long limit = sidecar->script.die_after;
    bool dies = limit >= 0 && sidecar->relayed + (long long)length >= limit;
    size_t run = dies ? (size_t)(limit - sidecar->relayed) : length;
    sidecar->relayed += (long long)run;
    pthread_mutex_unlock(&sidecar->lock);
    bool sent = fake_send(conn->guest.fd, data, run);
    if (dies)
        fake_finish(sidecar, 0);
    return sent;
}

void fake_answered(struct fake_conn *conn, bool check)
{
    struct fake_sidecar *sidecar = conn->sidecar;
    pthread_mutex_lock(&sidecar->lock);
    long answered = ++sidecar->answered;
    pthread_mutex_unlock(&sidecar->lock);
    bool last = sidecar->script.close_after >= 0 && answered >= sidecar->script.close_after;
    if (last || (check && sidecar->script.close_after_check))
        fake_finish(sidecar, 0);
}
