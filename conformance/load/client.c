/* A client that knows what it must get: anything else is said. */
#include "load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void want(struct load_client *client)
{
    struct firma_error err;
    size_t due = client->allowed < client->length ? client->allowed : client->length;
    unsigned events = (client->reads ? FIRMA_READ : 0u) | (client->sent < due ? FIRMA_WRITE : 0u);
    if (client->watch.fd < 0 || (client->watch.active && client->watch.events == events))
        return;
    client->watch.events = events;
    if (firma_loop_watch(client->loop, &client->watch, &err) != 0)
        load_give_up("%s", err.text);
}

static void conclude(struct load_client *client, enum load_outcome outcome, const char *format, ...)
{
    va_list args;
    client->outcome = outcome;
    va_start(args, format);
    vsnprintf(client->why, sizeof client->why, format, args);
    va_end(args);
}

static bool send_more(struct load_client *client)
{
    size_t due = client->allowed < client->length ? client->allowed : client->length;
    while (client->sent < due) {
        ssize_t sent = send(client->watch.fd, client->request + client->sent, due - client->sent,
                            MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        client->sent += (size_t)sent;
    }
    return true;
}

static void take_body(struct load_client *client, const char *data, size_t size)
{
    if (client->status == 200 && (client->got + size > client->expected ||
                                  !load_pattern_holds(client->seed, client->got, data, size))) {
        conclude(client, LOAD_WRONG, "other bytes than sent, at %llu of %llu",
                 (unsigned long long)client->got, (unsigned long long)client->expected);
        return;
    }
    client->got += size;
}

/* 502 and 408 have to be the bridge's own; they end the connection, so their end is awaited. */
static void take_head(struct load_client *client, uint64_t asked)
{
    const char *length = strstr(client->head, "\r\nContent-Length: ");
    bool ours = strstr(client->head, "\r\nProxy-Status: firma-bridge; error=") != NULL;
    client->has_head = true;
    client->status = atoi(client->head + strlen("HTTP/1.1 "));
    client->expected = length != NULL ? strtoull(length + 18, NULL, 10) : 0;
    if (strncmp(client->head, "HTTP/1.1 ", 9) != 0 || length == NULL)
        conclude(client, LOAD_WRONG, "no answer: %.60s", client->head);
    else if (client->status == 200 && client->expected != asked)
        conclude(client, LOAD_WRONG, "the answer to another request: %llu bytes instead of %llu",
                 (unsigned long long)client->expected, (unsigned long long)asked);
    else if (client->status != 200 && (!ours || (client->status != 502 && client->status != 408)))
        conclude(client, LOAD_WRONG, "status %d: %.60s", client->status, client->head);
}

/* Returns how many of the bytes were the head's. */
static size_t gather_head(struct load_client *client, const char *data, size_t size)
{
    uint64_t asked = client->expected;
    for (size_t i = 0; i < size; i++) {
        if (client->head_used + 1 == sizeof client->head) {
            conclude(client, LOAD_WRONG, "a head without an end");
            return size;
        }
        client->head[client->head_used++] = data[i];
        client->head[client->head_used] = '\0';
        if (client->head_used >= 4 &&
            memcmp(client->head + client->head_used - 4, "\r\n\r\n", 4) == 0) {
            take_head(client, asked);
            return i + 1;
        }
    }
    return size;
}

static void take(struct load_client *client, const char *data, size_t size)
{
    size_t used = client->has_head ? 0 : gather_head(client, data, size);
    if (client->outcome == LOAD_WAITING && client->has_head)
        take_body(client, data + used, size - used);
    if (client->outcome == LOAD_WAITING && client->status == 200 && client->has_head &&
        client->got == client->expected)
        conclude(client, LOAD_RIGHT, "%s", "");
}

static void take_end(struct load_client *client, bool reset)
{
    if (client->has_head && client->status != 200 && client->got == client->expected)
        conclude(client, client->status == 502 ? LOAD_BAD_GATEWAY : LOAD_TIMED_OUT, "%s", "");
    else if (client->has_head && client->status == 200 && reset)
        conclude(client, LOAD_CUT, "%s", "");
    else if (client->head_used == 0 && !reset)
        conclude(client, LOAD_CLOSED, "an end without an answer");
    else
        conclude(client, LOAD_WRONG, "%s end after %zu bytes of head and %llu of %llu of body",
                 reset ? "a broken" : "an orderly", client->head_used,
                 (unsigned long long)client->got, (unsigned long long)client->expected);
}

static void ready(void *context, unsigned events)
{
    static char bytes[LOAD_RUN];
    struct load_client *client = context;
    /* What cannot be sent any more may still be answered: reading tells. */
    if ((events & FIRMA_WRITE) && !send_more(client))
        client->allowed = client->sent;
    if (events & FIRMA_READ) {
        ssize_t got = recv(client->watch.fd, bytes, sizeof bytes, 0);
        if (client->outcome != LOAD_WAITING && got > 0)
            conclude(client, LOAD_WRONG, "bytes that nobody asked for");
        else if (got > 0)
            take(client, bytes, (size_t)got);
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            take_end(client, got < 0);
    }
    if (client->outcome == LOAD_WAITING) {
        want(client);
        return;
    }
    firma_loop_unwatch(client->loop, &client->watch);
    client->done(client);
}

void load_client_open(struct load_client *client, struct firma_loop *loop, uint16_t port,
                      void (*done)(struct load_client *client), void *context)
{
    *client = (struct load_client){.loop = loop, .done = done, .context = context, .reads = true};
    client->watch = (struct firma_watch){.fd = load_dial(port), .ready = ready, .context = client};
}

void load_client_ask(struct load_client *client, const char *authority, const char *kind,
                     uint64_t size, uint64_t seed, size_t allowed)
{
    client->length = (size_t)snprintf(
        client->request, sizeof client->request,
        "GET http://%s/%s/size/%llu/seed/%llu HTTP/1.1\r\nHost: %s\r\n\r\n", authority, kind,
        (unsigned long long)size, (unsigned long long)seed, authority);
    client->sent = client->head_used = 0;
    client->has_head = false;
    client->status = 0;
    client->got = 0;
    client->expected = size;
    client->seed = seed;
    client->outcome = LOAD_WAITING;
    load_client_allow(client, allowed);
}

void load_client_allow(struct load_client *client, size_t allowed)
{
    client->allowed = allowed;
    want(client);
}

void load_client_listen(struct load_client *client, bool reads)
{
    client->reads = reads;
    want(client);
}

void load_client_close(struct load_client *client)
{
    firma_loop_unwatch(client->loop, &client->watch);
    if (client->watch.fd >= 0)
        close(client->watch.fd);
    client->watch.fd = -1;
    client->outcome = LOAD_NOTHING;
}
