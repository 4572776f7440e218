/* net.h - addresses, sockets and waits that every technique needs. */
#ifndef PROBE_NET_H
#define PROBE_NET_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "probe.h"

struct probe_address {
    struct sockaddr_storage storage;
    socklen_t length;
    char text[128]; /* for details: "192.0.2.1 port 80" */
};

/* TEXT is an IP literal, with %INTERFACE where the scope matters. */
bool probe_address_make(struct probe_address *out, const char *text, long port);
/* The step's addr= and port= (PORT without one). False: OUT says what is missing. */
bool probe_address_of(const struct probe_step *step, long port, struct probe_address *address,
                      struct probe_outcome *out);
const struct sockaddr *probe_sockaddr(const struct probe_address *address);

/* What a technique may do to a socket before it connects; false: it has reported why not. */
typedef bool probe_prepare(int fd, const struct probe_step *step, struct probe_outcome *out);

/* A close-on-exec socket, or -1 with errno. */
int probe_socket(int family, int type, int protocol);
/* Connects within MS. Returns a blocking descriptor, or -1 with errno. */
int probe_connect(const struct probe_address *address, int ms);
/* Finishes connecting FD within MS: 0, or an errno. */
int probe_connect_fd(int fd, const struct probe_address *address, int ms);
/* Whether FD becomes readable within MS. */
bool probe_readable(int fd, int ms);
/* Sends, then notes whether an answer came within MS. */
void probe_exchange(int fd, const void *data, size_t length, int ms, struct probe_outcome *out);
/* Connects a stream, sends a GET for /NONCE, notes what came of it. TRIES share what is left. */
void probe_tcp_once(const struct probe_step *step, const struct probe_address *address,
                    probe_prepare *prepare, size_t tries, struct probe_outcome *out);
/* Sends DATA in a datagram and waits WAIT_MS for one back; PREPARE may be NULL. */
void probe_datagram(const struct probe_step *step, const struct probe_address *address,
                    probe_prepare *prepare, const void *data, size_t length, int wait_ms,
                    struct probe_outcome *out);

/* Calls VISIT for every interface but the loopback, at most 32; their count. */
typedef void probe_visit(const char *name, unsigned index, void *context);
size_t probe_interfaces(probe_visit *visit, void *context);

#endif
