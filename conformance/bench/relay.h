/*
 * relay.h - both ends of what a relay carries: the clients before it, the origin behind it.
 *
 * One process and one epoll set, so that on a small machine the relay has a core of its own. The
 * origin answers as a sidecar would: 200 to a CONNECT, whose connection it then leaves alone, and a
 * short answer to any other request.
 */
#ifndef BENCH_RELAY_H
#define BENCH_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { RELAY_LIMIT_MS = 20000 }; /* nothing for so long: the relay hangs */

struct relay_watch {
    int fd;
    void (*ready)(struct relay_watch *watch, uint32_t events);
};

struct relay {
    int epoll;
    struct relay_watch listener;
    uint16_t port; /* of the origin */
    int tunnel;    /* the origin's end of the latest CONNECT; -1 none */
};

struct contender {
    char name[32];
    uint16_t port;
    pid_t pid;
};

/* relay.c */
void relay_watch(const struct relay *relay, struct relay_watch *watch, uint32_t events);
/* Waits for events, lets their watches have them. Without WHO to blame, it waits for ever. */
void relay_turn(const struct relay *relay, const char *who);

/* relay_contender.c: reads "NAME PORT PID", one a line, until the end of standard input; the origin
 * answers meanwhile, as a relay may want to know that it is there. */
size_t relay_read_contenders(struct relay *relay, struct contender *out, size_t most);
/* A connection to it that does not block. */
int relay_connect(const struct contender *contender);

/* relay_origin.c */
void relay_open_origin(struct relay *relay);

/* relay_tunnel.c, relay_requests.c: measure once, and print lines "METRIC NAME VALUE" if SHOWN. */
void relay_measure_tunnel(struct relay *relay, const struct contender *contender, bool shown);
void relay_measure_requests(struct relay *relay, const struct contender *contender, bool shown);

#endif
