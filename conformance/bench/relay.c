/*
 * bench-relay ROUNDS | origin
 *
 * Prints "port N", the origin's, and reads from its standard input one line "NAME PORT PID" for
 * each relay that was pointed at it. At the input's end it measures them in turns and prints lines
 * "METRIC NAME VALUE". A first round is not printed. The word
 * "origin" instead of a number: it is the origin, and nothing else, until it is ended.
 */
#include "relay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "clocks.h"

enum { CONTENDERS = 8, ROUNDS = 1000, EVENTS = 64 };

void relay_watch(const struct relay *relay, struct relay_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, watch->fd, &event) != 0)
        bench_die(errno, "epoll_ctl");
}

/* A callback may close only its own descriptor, so no event of a batch is left without its watch.
 */
void relay_turn(const struct relay *relay, const char *who)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(relay->epoll, events, EVENTS, who != NULL ? RELAY_LIMIT_MS : -1);
    if (count == 0)
        bench_die(0, "%s: nothing moves", who);
    for (int i = 0; i < count; i++) {
        struct relay_watch *watch = events[i].data.ptr;
        watch->ready(watch, events[i].events);
    }
}

int main(int argc, char **argv)
{
    struct contender contenders[CONTENDERS];
    struct relay relay = {.epoll = epoll_create1(EPOLL_CLOEXEC), .tunnel = -1};
    int rounds = argc == 2 ? atoi(argv[1]) : 0;
    bool only_origin = argc == 2 && strcmp(argv[1], "origin") == 0;
    if (!only_origin && (rounds < 1 || rounds > ROUNDS))
        bench_die(0, "usage: bench-relay ROUNDS | origin");
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN); /* sendfile(2) cannot be told */
    relay_open_origin(&relay);
    printf("port %u\n", relay.port);
    if (only_origin)
        for (;;)
            relay_turn(&relay, NULL);
    size_t count = relay_read_contenders(&relay, contenders, CONTENDERS);
    for (int round = 0; round <= rounds; round++) {
        for (size_t i = 0; i < count; i++)
            relay_measure_tunnel(&relay, &contenders[i], round > 0);
        for (size_t i = 0; i < count; i++)
            relay_measure_requests(&relay, &contenders[i], round > 0);
    }
    return 0;
}
