#include "scenarios/gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket.h"

enum { BACKLOG = 64, BLOCK = 16384 };

static int listen_at_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = cf_socket(AF_UNIX, SOCK_STREAM);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        chmod(path, 0666) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int listen_at_port(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = cf_socket(AF_INET, SOCK_STREAM);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
        *port = ntohs(address.sin_port);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

int cf_gate_open(struct cf_gate *gate, const char *path, struct cf_error *err)
{
    *gate = (struct cf_gate){.listener = -1};
    gate->listener = path != NULL ? listen_at_path(path) : listen_at_port(&gate->port);
    return gate->listener >= 0
               ? 0
               : cf_fail(err, CF_E_SYSTEM, errno, "gate %s", path != NULL ? path : "");
}

bool cf_gate_await(const struct cf_gate *gate, int ended, unsigned ms)
{
    struct pollfd fds[2] = {{.fd = gate->listener, .events = POLLIN},
                            {.fd = ended, .events = POLLIN}};
    return poll(fds, 2, (int)ms) > 0 && (fds[0].revents & POLLIN) != 0;
}

/* ---- the relay ---- */

static int dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = cf_socket(AF_INET, SOCK_STREAM);
    return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* One block from FROM to TO; false at the end of either. */
static bool copy(int from, int to)
{
    char block[BLOCK];
    ssize_t got = recv(from, block, sizeof block, 0), sent = 0;
    for (ssize_t at = 0; at < got && sent >= 0; at += sent)
        sent = send(to, block + at, (size_t)(got - at), MSG_NOSIGNAL);
    return got > 0 && sent >= 0;
}

_Noreturn static void relay(int client, uint16_t port)
{
    int server = dial(port);
    struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    while (server >= 0 && (fds[0].fd >= 0 || fds[1].fd >= 0) && poll(fds, 2, -1) > 0) {
        for (int i = 0; i < 2; i++) {
            int from = i == 0 ? client : server, to = i == 0 ? server : client;
            if (fds[i].fd < 0 || fds[i].revents == 0 || copy(from, to))
                continue;
            shutdown(to, SHUT_WR);
            fds[i].fd = -1;
        }
    }
    _exit(0);
}

/* A copy of the harness, which holds the subject's streams: it lets go of everything else. */
_Noreturn static void serve(int listener, uint16_t port)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    dup2(listener, 3);
    close_range(4, ~0u, 0);
    for (;;) {
        int client = accept(3, NULL, NULL);
        if (client < 0 && errno != EINTR && errno != ECONNABORTED)
            _exit(0);
        if (client >= 0 && fork() == 0) {
            close(3);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            relay(client, port);
        }
        if (client >= 0)
            close(client);
    }
}

void cf_gate_serve(struct cf_gate *gate, uint16_t port)
{
    gate->pid = fork();
    if (gate->pid == 0)
        serve(gate->listener, port);
    if (gate->pid < 0)
        gate->pid = 0;
}

void cf_gate_close(struct cf_gate *gate)
{
    if (gate->pid > 0) {
        kill(gate->pid, SIGKILL);
        while (waitpid(gate->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    if (gate->listener >= 0)
        close(gate->listener);
    *gate = (struct cf_gate){.listener = -1};
}
