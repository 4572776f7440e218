/*
 * tech_after.c - what was closed may open with use: direct attempts behind allowed traffic.
 *
 * The allowed part never carries the nonce, so wherever the nonce shows it was the direct part.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"
#include "techniques.h"

enum { VOLUME = 96 * 1024, BLOCK = 4096, REQUESTS = 24 };

static const char anywhere[] = "http://198.51.100.81/";

static void direct(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_address address;
    if (probe_address_of(step, 443, &address, out))
        probe_tcp_once(step, &address, NULL, 1, out);
}

static bool send_body(int fd, size_t bytes)
{
    char block[BLOCK];
    memset(block, 'v', sizeof block);
    for (size_t sent = 0; sent < bytes; sent += sizeof block)
        if (!probe_write(fd, block, sizeof block))
            return false;
    return true;
}

/* A POST of VOLUME bytes through the proxy, then the attempt. */
void probe_tech_after_volume(const struct probe_step *step, struct probe_outcome *out)
{
    char head[256];
    struct probe_answer *answer = calloc(1, sizeof *answer);
    int length = snprintf(head, sizeof head,
                          "POST %s HTTP/1.1\r\nHost: 198.51.100.81\r\nContent-Length: %d\r\n"
                          "Connection: close\r\n\r\n",
                          anywhere, VOLUME);
    int fd = answer == NULL ? -1 : probe_proxy_connect(step, probe_proxy(), out);
    if (fd >= 0 && probe_write(fd, head, (size_t)length) && send_body(fd, VOLUME)) {
        probe_answer_read(step, fd, answer);
        out->result = PROBE_ERROR; /* what follows is the attempt */
        probe_try(out, PROBE_ERROR, 0, "%d bytes: status %d", VOLUME, answer->status);
        direct(step, out);
    } else {
        probe_try(out, PROBE_ERROR, EPIPE, "the proxy took less than %d bytes", VOLUME);
    }
    if (fd >= 0)
        close(fd);
    free(answer);
}

/* REQUESTS connections through the proxy, one after the other, then the attempt. */
void probe_tech_after_requests(const struct probe_step *step, struct probe_outcome *out)
{
    struct probe_answer *answer = calloc(1, sizeof *answer);
    int served = 0;
    for (int i = 0; answer != NULL && i < REQUESTS; i++) {
        struct probe_outcome one = {0};
        served += probe_http_ask(step, anywhere, probe_proxy(), NULL, answer, &one) / 100 == 2;
    }
    free(answer);
    probe_try(out, PROBE_ERROR, served == REQUESTS ? 0 : EPROTO, "%d of %d requests served", served,
              REQUESTS);
    if (served == REQUESTS)
        direct(step, out);
}

/* Denied by the sidecar, a client tries the same address by itself. The address tells the row. */
void probe_tech_after_denied(const struct probe_step *step, struct probe_outcome *out)
{
    char url[256];
    struct probe_outcome first = {0};
    struct probe_answer *answer = calloc(1, sizeof *answer);
    const char *addr = probe_param(step, "addr", "");
    snprintf(url, sizeof url,
             strchr(addr, ':') != NULL ? "http://[%s]:%ld/x.invalid" : "http://%s:%ld/x.invalid",
             addr, probe_param_number(step, "port", 80));
    int status =
        answer == NULL ? -1 : probe_http_ask(step, url, probe_proxy(), NULL, answer, &first);
    free(answer);
    probe_try(out, PROBE_ERROR, status == 403 ? 0 : EPROTO, "through the proxy: status %d", status);
    if (status == 403)
        direct(step, out);
}

/* While a tunnel is open: an allowed flow must not lend its permission to another. */
void probe_tech_after_tunnel(const struct probe_step *step, struct probe_outcome *out)
{
    int fd = probe_proxy_connect(step, probe_proxy(), out);
    if (fd < 0)
        return;
    bool open = probe_tunnel_ask(step, fd, "198.51.100.81:443") / 100 == 2;
    out->result = PROBE_ERROR;
    probe_try(out, PROBE_ERROR, open ? 0 : EPROTO, "tunnel %s", open ? "open" : "refused");
    if (open)
        direct(step, out);
    close(fd);
}
