#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clocks.h"

struct input {
    struct relay_watch watch;
    char text[4096];
    size_t used;
    bool ended;
};

static void input_ready(struct relay_watch *watch, uint32_t events)
{
    struct input *input = (struct input *)watch;
    (void)events;
    ssize_t got = read(watch->fd, input->text + input->used, sizeof input->text - 1 - input->used);
    if (got > 0)
        input->used += (size_t)got;
    else
        input->ended = true;
}

static size_t parse(char *text, struct contender *out, size_t most)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct contender *next = &out[count];
        if (count == most || sscanf(line, "%31s %hu %d", next->name, &next->port, &next->pid) != 3)
            bench_die(0, "'%s' is not NAME PORT PID, or is too much", line);
        count++;
    }
    return count;
}

size_t relay_read_contenders(struct relay *relay, struct contender *out, size_t most)
{
    struct input input = {.watch = {.fd = 0, .ready = input_ready}};
    relay_watch(relay, &input.watch, EPOLLIN);
    while (!input.ended)
        relay_turn(relay, NULL);
    epoll_ctl(relay->epoll, EPOLL_CTL_DEL, 0, NULL);
    return parse(input.text, out, most);
}

int relay_connect(const struct contender *contender)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(contender->port)};
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        bench_die(errno, "%s: cannot connect", contender->name);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}
