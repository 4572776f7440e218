/* verb_listen.c - a server in the guest: says what it hears, until its input ends. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "verbs.h"

enum { DOORS = 4, HEARD = 512 };

struct open_door {
    const char *any;
    int type, fd;
};

static int open_one(const struct open_door *door, long port)
{
    struct probe_address address;
    int on = 1;
    probe_address_make(&address, door->any, port);
    int fd = probe_socket(address.storage.ss_family, door->type, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.storage.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, probe_sockaddr(&address), address.length) == 0 &&
        (door->type == SOCK_DGRAM || listen(fd, 16) == 0))
        return fd;
    close(fd);
    return -1;
}

static void say(const char *how, const char *data, ssize_t length)
{
    struct probe_text text = {0};
    probe_put(&text, "%s ", how);
    probe_put_string(&text, data, length < 0 ? 0 : (size_t)length);
    probe_put(&text, "\n");
    probe_write(STDOUT_FILENO, text.data, text.used);
}

static void serve(const struct open_door *door)
{
    static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
    char data[HEARD];
    if (door->type == SOCK_DGRAM) {
        ssize_t got = recv(door->fd, data, sizeof data, MSG_DONTWAIT);
        say("datagram", data, got);
        return;
    }
    int fd = accept(door->fd, NULL, NULL);
    if (fd < 0)
        return;
    ssize_t got = probe_readable(fd, 1000) ? recv(fd, data, sizeof data, 0) : 0;
    say("stream", data, got);
    probe_write(fd, answer, sizeof answer - 1);
    close(fd);
}

int probe_verb_listen(int argc, char **argv, char **envp)
{
    struct open_door doors[DOORS] = {{"0.0.0.0", SOCK_STREAM, -1},
                                     {"::", SOCK_STREAM, -1},
                                     {"0.0.0.0", SOCK_DGRAM, -1},
                                     {"::", SOCK_DGRAM, -1}};
    struct pollfd wait[DOORS + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
    long port;
    (void)envp;
    if (argc != 2 || !probe_number(argv[1], 1, 65535, &port))
        return -1;
    for (int i = 0; i < DOORS; i++) {
        doors[i].fd = open_one(&doors[i], port);
        wait[i + 1] = (struct pollfd){.fd = doors[i].fd, .events = POLLIN};
        if (doors[i].fd < 0)
            return 1;
    }
    probe_write(STDOUT_FILENO, "listening\n", 10);
    while (wait[0].revents == 0 && (poll(wait, DOORS + 1, -1) > 0 || errno == EINTR)) {
        for (int i = 0; i < DOORS; i++)
            if (wait[i + 1].revents != 0)
                serve(&doors[i]);
    }
    return 0;
}
