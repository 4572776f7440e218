#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct firma_header headers[] = {
    {(char[]){"x-firma-sandbox-id"}, (char[]){"box-1"}},
    {(char[]){"x-firma-profile"}, (char[]){"strict"}},
};

static void stop_loop(void *context, unsigned events)
{
    (void)events;
    firma_loop_stop(context);
}

static void *serve(void *context)
{
    struct cf_rig *rig = context;
    sigset_t pipe; /* bridge.h asks for it */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    firma_loop_run(rig->loop, NULL);
    return NULL;
}

static void open_loop(struct cf_rig *rig)
{
    struct firma_error err;
    memset(rig, 0, sizeof *rig);
    rig->sidecar = -1;
    pthread_mutex_init(&rig->lock, NULL);
    assert_int_equal(firma_loop_open(&rig->loop, &err), 0);
    assert_int_equal(pipe(rig->stop), 0);
    rig->stop_watch = (struct firma_watch){
        .fd = rig->stop[0], .events = FIRMA_READ, .ready = stop_loop, .context = rig->loop};
    assert_int_equal(firma_loop_watch(rig->loop, &rig->stop_watch, &err), 0);
}

static void keep_line(void *context, const char *line)
{
    struct cf_rig *rig = context;
    pthread_mutex_lock(&rig->lock);
    size_t used = strlen(rig->log);
    snprintf(rig->log + used, sizeof rig->log - used, "%s\n", line);
    pthread_mutex_unlock(&rig->lock);
}

void cf_rig_log(struct cf_rig *rig, char *out, size_t size)
{
    pthread_mutex_lock(&rig->lock);
    snprintf(out, size, "%s", rig->log);
    pthread_mutex_unlock(&rig->lock);
}

void cf_rig_bridge(struct cf_rig *rig, const struct firma_bridge_limits *limits, uid_t owner)
{
    struct firma_error err;
    uint16_t port = 0;
    char text[64];
    open_loop(rig);
    rig->sidecar = cf_listen(&port);
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u", port);
    assert_int_equal(firma_endpoint_parse(&rig->endpoint, text, &err), 0);
    struct firma_bridge_config config = {.sidecar = &rig->endpoint,
                                         .headers = headers,
                                         .header_count = 2,
                                         .owner = owner,
                                         .log = keep_line,
                                         .log_context = rig};
    if (limits != NULL)
        config.limits = *limits;
    assert_int_equal(firma_bridge_open(&rig->bridge, rig->loop, &config, &err), 0);
    rig->port = firma_bridge_port(rig->bridge);
    assert_int_equal(pthread_create(&rig->thread, NULL, serve, rig), 0);
}

void cf_rig_dns(struct cf_rig *rig, uid_t owner)
{
    struct firma_error err;
    open_loop(rig);
    assert_int_equal(firma_dns_stub_open(&rig->stub, rig->loop, owner, &err), 0);
    rig->port = firma_dns_stub_port(rig->stub);
    assert_int_equal(pthread_create(&rig->thread, NULL, serve, rig), 0);
}

void cf_rig_close(struct cf_rig *rig)
{
    assert_int_equal(write(rig->stop[1], "", 1), 1);
    pthread_join(rig->thread, NULL);
    firma_bridge_close(rig->bridge);
    firma_dns_stub_close(rig->stub);
    firma_loop_unwatch(rig->loop, &rig->stop_watch);
    firma_loop_close(rig->loop);
    close(rig->stop[0]);
    close(rig->stop[1]);
    if (rig->sidecar >= 0)
        close(rig->sidecar);
    pthread_mutex_destroy(&rig->lock);
}

int cf_rig_setup(void **state)
{
    struct cf_rig *rig = calloc(1, sizeof *rig);
    cf_rig_bridge(rig, NULL, getuid());
    *state = rig;
    return 0;
}

int cf_rig_teardown(void **state)
{
    cf_rig_close(*state);
    free(*state);
    return 0;
}

static int with_timeout(int fd)
{
    struct timeval limit = {.tv_sec = 5};
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    return fd;
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

bool cf_peers_have_owners(void)
{
#ifdef __linux__
    return true;
#else
    return false;
#endif
}

int cf_dial(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = with_timeout(socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int cf_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(*port);
    socklen_t size = sizeof address;
    int fd = with_timeout(socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

int cf_accept(int listener)
{
    return with_timeout(accept(listener, NULL, NULL));
}

void cf_send_bytes(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += sent;
        size -= (size_t)sent;
    }
}

void cf_send(int fd, const char *text)
{
    cf_send_bytes(fd, text, strlen(text));
}

void cf_read_head(int fd, char *text)
{
    size_t used = 0;
    text[0] = '\0';
    while (used < 4 || memcmp(text + used - 4, "\r\n\r\n", 4) != 0) {
        assert_true(used + 1 < CF_RIG_TEXT);
        if (recv(fd, text + used, 1, 0) != 1)
            fail_msg("no whole head came, only: %s", text);
        text[++used] = '\0';
    }
}

void cf_expect(int fd, const char *text)
{
    size_t size = strlen(text), used = 0;
    char *got = calloc(1, size + 1);
    while (used < size) {
        ssize_t count = recv(fd, got + used, size - used, 0);
        if (count <= 0)
            fail_msg("expected \"%s\", got only \"%s\"", text, got);
        used += (size_t)count;
    }
    assert_string_equal(got, text);
    free(got);
}

ssize_t cf_read_all(int fd, char *text)
{
    size_t used = 0;
    ssize_t count;
    while ((count = recv(fd, text + used, CF_RIG_TEXT - 1 - used, 0)) > 0)
        used += (size_t)count;
    text[used] = '\0';
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("the stream did not end in time after: %s", text);
    return count < 0 ? -1 : (ssize_t)used;
}

void cf_expect_end(int fd)
{
    char byte;
    ssize_t count = recv(fd, &byte, 1, 0);
    if (count > 0)
        fail_msg("an end was expected, a byte came: %02x", (unsigned char)byte);
    assert_false(count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}
