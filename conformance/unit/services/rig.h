/*
 * rig.h - a service under test in a thread of its own, and blocking sockets to drive it with.
 *
 * A test reads like the conversation it holds: a guest says this, the sidecar hears that. Every
 * socket has a time-out of five seconds, so a test that waits in vain fails instead of hanging.
 */
#ifndef CF_UNIT_RIG_H
#define CF_UNIT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "launcher/bridge.h"
#include "launcher/dns_stub.h"

enum { CF_RIG_TEXT = 256 * 1024 };

struct cf_rig {
    struct firma_loop *loop;
    struct firma_bridge *bridge;
    struct firma_dns_stub *stub;
    struct firma_endpoint endpoint;
    int sidecar; /* listener the bridge dials */
    uint16_t port;
    pthread_t thread;
    int stop[2];
    struct firma_watch stop_watch;
    pthread_mutex_t lock;
    char log[8192]; /* the bridge's lines */
};

/* A bridge with the two headers every test expects: sandbox-id "box-1", profile "strict". */
void cf_rig_bridge(struct cf_rig *rig, const struct firma_bridge_limits *limits, uid_t owner);
/* A test with such a bridge, of this user and with the default limits, for its state. */
#define CF_RIG(test) cmocka_unit_test_setup_teardown(test, cf_rig_setup, cf_rig_teardown)
int cf_rig_setup(void **state);
int cf_rig_teardown(void **state);
void cf_rig_dns(struct cf_rig *rig, uid_t owner);
/* Joins the thread and frees everything. */
void cf_rig_close(struct cf_rig *rig);
/* Copies the log so far. */
void cf_rig_log(struct cf_rig *rig, char *out, size_t size);

/* True where the system tells whose a peer is; see launcher/peer.h. */
bool cf_peers_have_owners(void);

/* A blocking stream connected to 127.0.0.1:PORT, or a listener there (*PORT 0: any). */
int cf_dial(uint16_t port);
int cf_listen(uint16_t *port);
/* The sidecar's next connection. */
int cf_accept(int listener);
void cf_send(int fd, const char *text);
void cf_send_bytes(int fd, const void *data, size_t size);
/* Reads up to and including the empty line into TEXT (CF_RIG_TEXT bytes), NUL-terminated; what
 * follows stays unread. */
void cf_read_head(int fd, char *text);
/* Reads as many bytes as TEXT has: they are the same. */
void cf_expect(int fd, const char *text);
/* Reads to the end of the stream; the size, or -1 when it was reset. */
ssize_t cf_read_all(int fd, char *text);
/* Nothing more comes: the stream ended, orderly or not. */
void cf_expect_end(int fd);

/* Calls JUDGE for every line "FILE WORDS" of fixtures/DIR/LIST with FILE's bytes. */
void cf_each_case(const char *dir, const char *list,
                  void (*judge)(const char *name, const char *data, size_t size,
                                const char *expected));
/* Fails, naming the case and both sides, unless GOT is EXPECTED. */
void cf_same_text(const char *name, const char *got, const char *expected);

#endif
