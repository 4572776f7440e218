/* tech_tunnel.c - CONNECT as it should be: one tunnel, and several at once. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"
#include "sha256.h"
#include "techniques.h"

/* Asks for a tunnel to AUTHORITY on FD; the status. */
static int open_tunnel(const struct probe_step *step, int fd, const char *authority,
                       struct probe_outcome *out)
{
    int status = probe_tunnel_ask(step, fd, authority);
    out->status = status < 0 ? 0 : status;
    probe_try(out, status / 100 == 2 ? PROBE_CONNECTED : PROBE_REFUSED,
              status / 100 == 2 ? 0 : ECONNREFUSED, "CONNECT %s: status %d", authority, status);
    return status;
}

/* Reads until the other side ends or the time is over. */
static size_t read_rest(const struct probe_step *step, int fd, char *data, size_t size)
{
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < size && probe_readable(fd, probe_left(step, 1))) {
        got = recv(fd, data + used, size - used, 0);
        used += got > 0 ? (size_t)got : 0;
    }
    return used;
}

/* expect= is what the first bytes behind the tunnel's head must be: one CRLF too many shows. */
static void through_tunnel(const struct probe_step *step, int fd, struct probe_outcome *out)
{
    char request[256], answer[4096], plain[256];
    snprintf(plain, sizeof plain, "GET /%s HTTP/1.0\r\n\r\n", step->nonce);
    snprintf(request, sizeof request, "%s", probe_param(step, "payload", plain));
    const char *expect = probe_param(step, "expect", "HTTP/1.");
    if (!probe_write(fd, request, strlen(request))) {
        probe_try_errno(out, errno, "send through the tunnel");
        return;
    }
    size_t length = read_rest(step, fd, answer, sizeof answer);
    bool good = length >= strlen(expect) && memcmp(answer, expect, strlen(expect)) == 0;
    struct probe_sha256 hash;
    char digest[PROBE_DIGEST_TEXT];
    probe_sha256_start(&hash);
    probe_sha256_add(&hash, answer, length);
    probe_sha256_text(&hash, digest);
    probe_try(out, length > 0 ? PROBE_ANSWERED : PROBE_SENT, 0, "%zu bytes came back, sha256 %s%s",
              length, digest, good ? "" : ", not those expected");
    if (length > 0 && !good) {
        out->result = PROBE_ERROR;
        out->errnum = EPROTO;
    }
}

/* A connection to the proxy that has become a tunnel to the step's address and PORT; -1 and OUT
 * when it has not. */
static int tunnel(const struct probe_step *step, long port, struct probe_outcome *out)
{
    char authority[300];
    const char *addr = probe_param(step, "addr", "198.51.100.81");
    bool six = strchr(addr, ':') != NULL;
    snprintf(authority, sizeof authority, six ? "[%s]:%ld" : "%s:%ld", addr, port);
    int fd = probe_proxy_connect(step, probe_proxy(), out);
    if (fd < 0)
        return -1;
    if (open_tunnel(step, fd, probe_param(step, "target", authority), out) / 100 == 2)
        return fd;
    close(fd);
    return -1;
}

void probe_tech_connect_mediated(const struct probe_step *step, struct probe_outcome *out)
{
    int fd = tunnel(step, probe_param_number(step, "port", 80), out);
    if (fd < 0)
        return;
    through_tunnel(step, fd, out);
    close(fd);
}

enum { TUNNELS = 8, PIECE = 16 };

/* Each has a port, a request and an answer of its own. */
static void write_request(const struct probe_step *step, int index, char request[256])
{
    char pad[65] = "";
    memset(pad, 'a' + index, sizeof pad - 1);
    snprintf(request, 256, "GET /%s-%d HTTP/1.0\r\nX-Echo: %s-%d\r\nX-Pad: %s\r\n\r\n", step->nonce,
             index, step->nonce, index, pad);
}

/* A piece for one tunnel, a piece for the next. */
static bool send_in_turns(const struct probe_step *step, const int fds[TUNNELS])
{
    char requests[TUNNELS][256];
    for (int i = 0; i < TUNNELS; i++)
        write_request(step, i, requests[i]);
    size_t length = strlen(requests[0]);
    for (size_t at = 0; at < length; at += PIECE)
        for (int i = 0; i < TUNNELS; i++)
            if (!probe_write(fds[i], requests[i] + at, length - at < PIECE ? length - at : PIECE))
                return false;
    return true;
}

static bool has_own_answer(const struct probe_step *step, int fd, int index)
{
    char answer[512], own[80];
    size_t length = read_rest(step, fd, answer, sizeof answer - 1);
    answer[length] = '\0';
    snprintf(own, sizeof own, "\r\nX-Echo: %s-%d\r\n", step->nonce, index);
    return strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && strstr(answer, own) != NULL;
}

void probe_tech_tunnels_apart(const struct probe_step *step, struct probe_outcome *out)
{
    int fds[TUNNELS], open = 0, right = 0;
    long port = probe_param_number(step, "port", 80);
    while (open < TUNNELS && (fds[open] = tunnel(step, port + open, out)) >= 0)
        open++;
    if (open == TUNNELS && send_in_turns(step, fds)) {
        for (int i = 0; i < TUNNELS; i++)
            right += has_own_answer(step, fds[i], i);
        probe_try(out, PROBE_ANSWERED, 0, "%d of %d tunnels brought their own answer", right,
                  TUNNELS);
        if (right < TUNNELS) {
            out->result = PROBE_ERROR;
            out->errnum = EPROTO;
        }
    } else if (open == TUNNELS) {
        probe_try_errno(out, errno, "send through the tunnels");
    }
    while (open > 0)
        close(fds[--open]);
}
