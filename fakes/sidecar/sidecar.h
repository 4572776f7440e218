/*
 * sidecar.h - the fake sidecar's state, shared by the threads that serve its connections.
 *
 * One thread per connection, at most FAKE_CONNECTIONS; the log and the counters are guarded by
 * `lock`. Nobody joins the threads: fake_finish() closes the log and ends the process, which ends
 * them and their sockets.
 */
#ifndef FAKE_SIDECAR_H
#define FAKE_SIDECAR_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>

#include "base/events.h"
#include "message.h"

enum { FAKE_CONNECTIONS = 256, FAKE_RECORDED = 4096, FAKE_BODY_MAX = 64 << 20 };

/* What README.md calls a script; counters below zero mean "never". */
struct fake_script {
    bool hang;
    bool refuse;
    bool deny;
    bool close_after_check;
    char deny_match[256]; /* empty: none */
    long close_after;
    long long die_after;
    int slow_ms;
};

struct fake_sidecar {
    int listen_fd;
    struct fake_script script;
    struct sockaddr_in source4; /* sin_family 0: none */
    struct sockaddr_in6 source6;
    pthread_mutex_t lock;
    struct cf_events *events;
    uint64_t connections;
    unsigned live;
    long answered;
    long long relayed;
};

struct fake_conn {
    struct fake_sidecar *sidecar;
    struct fake_stream guest;
    uint64_t id;
    unsigned index; /* of the request being served, from 1 */
};

/* Parses comma-separated words; false names the bad one on standard error. */
bool fake_script_parse(struct fake_script *script, const char *words);

/* Appends a record with `conn` set; steals FIELDS. */
void fake_log(struct fake_conn *conn, const char *event, json_t *fields);
json_t *fake_log_text(const struct fake_text *text);
/* Closes the listener (for every holder) and the log, and exits. */
void fake_finish(struct fake_sidecar *sidecar, int status) __attribute__((noreturn));

/* Serves one connection to its end; takes ownership of FD. */
void fake_serve(struct fake_sidecar *sidecar, int fd, uint64_t id, const struct sockaddr *peer);

/* Connects to HOST (an IP literal; a name is never resolved, 198.51.100.80 stands for it) and
 * records it. Returns the descriptor, or -1 with errno. */
int fake_dial(struct fake_conn *conn, const char *host, uint16_t port);
/* Splits "HOST:PORT" or "[HOST]:PORT"; without a port OTHERWISE, 0 meaning "refuse". */
bool fake_authority(const struct fake_text *text, uint16_t otherwise, char *host, size_t size,
                    uint16_t *port);
/* Lets FD bind an address no interface has, where the system can. */
void fake_freebind(int fd, int family);

/* An answer of our own, after the scripted delay. False: the guest is gone. */
bool fake_answer(struct fake_conn *conn, int status, const char *reason, const char *extra);
/* Passes answer bytes of an upstream on to the guest; a `die-after` script may end us here. */
fake_sink fake_relay;
/* The scripted delay before an answer. */
void fake_delay(const struct fake_conn *conn);
/* Counts an answered request; may end the process, when a script says so. */
void fake_answered(struct fake_conn *conn, bool check);

/* The two roads to an upstream. NULL: the connection stays open; otherwise why it ends. */
const char *fake_forward(struct fake_conn *conn, const struct fake_head *head,
                         const struct fake_stream *body);
const char *fake_tunnel(struct fake_conn *conn, const struct fake_head *head);

#endif
