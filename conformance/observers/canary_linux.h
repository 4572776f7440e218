/* canary_linux.h - what the canary's files share. */
#ifndef CF_CANARY_LINUX_H
#define CF_CANARY_LINUX_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "observers/observer.h"

enum { CF_CANARY_CONNECTIONS = 1000 };

struct cf_flow {
    struct sockaddr_storage from, to;
};

struct cf_connection;

struct cf_canary {
    struct cf_observer *io;
    const struct cf_canary_config *config;
    int epoll;
    struct cf_connection *oldest, *newest;
    unsigned open;
    uint64_t connections;
    uint32_t udp_dropped[2]; /* IPv4, IPv6 */
};

/* What epoll hands back; embedded in listeners and connections alike. */
struct cf_canary_source {
    int fd;
    void (*ready)(struct cf_canary *canary, struct cf_canary_source *source);
};

/* {src, sport, dst, dport, via}, IPv4-mapped addresses without their prefix. */
json_t *cf_canary_flow(const struct cf_canary *canary, const struct cf_flow *flow);
uint16_t cf_canary_port(const struct sockaddr_storage *address);

/* A transparent, non-blocking socket of FAMILY (IPv6: IPv6 only) bound to ADDRESS. */
int cf_canary_socket(int type, const struct sockaddr_storage *address, struct cf_error *err);
int cf_canary_watch(struct cf_canary *canary, struct cf_canary_source *source);

void cf_canary_accept(struct cf_canary *canary, struct cf_canary_source *listener);
void cf_canary_receive(struct cf_canary *canary, struct cf_canary_source *socket);
/* Ends the oldest connections beyond CF_CANARY_CONNECTIONS; not while an epoll event may name one.
 */
void cf_canary_evict(struct cf_canary *canary);
/* Records the end of every open connection. */
void cf_canary_close_all(struct cf_canary *canary);

#endif
