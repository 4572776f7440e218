/*
 * load.h - what the load generators share: a launcher under load, the sidecar behind it, clients in
 * front of it, and the report of a section.
 *
 * One thread and one event loop hold both ends of every connection that goes through the launcher,
 * so a section says exactly what has to be there before what: "slow" is a client that is given its
 * next byte when somebody else's request was answered, never a sleep.
 */
#ifndef LOAD_H
#define LOAD_H

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "launcher/loop.h"

enum { LOAD_RUN = 64 * 1024 }; /* bytes of a pattern at once */

/* Exit 3: nothing was shown, for this machine or call does not allow it. */
void load_give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* A line for who waits, on standard error. */
void load_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- bytes that tell which stream they are of, and where in it */

/* LOAD_RUN bytes of stream SEED from OFFSET on. Never the same in another stream or elsewhere. */
const char *load_pattern(uint64_t seed, uint64_t offset);
bool load_pattern_holds(uint64_t seed, uint64_t offset, const char *data, size_t size);

/* ---- sockets on 127.0.0.1, CLOEXEC and non-blocking */

int load_dial(uint16_t port);
/* *PORT 0: any. */
int load_listen(uint16_t *port);
/* Raises our own soft limit of descriptors to the hard one; gives up below NEEDED. */
void load_descriptors(size_t needed);

/* ---- waiting: until load_done() is called from a callback; false when patience is at its end */

void load_be_patient(unsigned seconds); /* 300 unless said */
bool load_wait(struct firma_loop *loop);
/* Whatever happens within MILLISECONDS. */
void load_turn(struct firma_loop *loop, unsigned milliseconds);
void load_done(struct firma_loop *loop);

/* ---- a section's report */

struct load_report {
    const char *section;
    json_t *numbers;  /* name: number */
    json_t *problems; /* texts; the first few */
    unsigned problem_count;
};

void load_report_open(struct load_report *report, const char *section);
void load_number(struct load_report *report, const char *name, long long value);
void load_problem(struct load_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One line of JSON on standard output, one for people on standard error; MORE (stolen) is merged
 * in. True when nothing was wrong. */
bool load_report_close(struct load_report *report, uint64_t milliseconds, json_t *more);

/* ---- what a process holds (gauge.c) */

struct load_gauge {
    long rss_kib;
    long descriptors;
    long threads;
    long directories; /* in the launch's runtime root */
};

void load_gauge(struct load_gauge *out, pid_t pid, const char *runtime_root);
/* Turns LOOP and reads it again until it is flat against BEFORE, or gives a problem for each that
 * is not. */
void load_gauge_settle(struct load_gauge *out, const struct load_gauge *before,
                       struct firma_loop *loop, pid_t pid, const char *runtime_root,
                       struct load_report *report);
json_t *load_gauge_json(const struct load_gauge *gauge);

/* ---- the launcher under load (subject.c) */

struct load_subject {
    pid_t pid;
    int input;                /* its command ends when this is closed */
    int output;               /* its command's */
    uint16_t bridge, stub;    /* ports */
    const char *runtime_root; /* borrowed */
    size_t connections;       /* the bridge's bound, by our limit of descriptors */
};

/* What a launcher is started as. */
struct load_start {
    char *const *argv; /* firma-run; its command is load-guest */
    const char *runtime_root;
    uint16_t sidecar;    /* port */
    unsigned open_files; /* hard limit of descriptors; 0: ours. The soft one is 1024 at most */
};

void load_subject_start(struct load_subject *out, struct firma_loop *loop,
                        const struct load_start *start);
/* Ends its command: it must exit 0 and leave its runtime root empty. */
void load_subject_end(struct load_subject *subject, struct load_report *report);

/* ---- the sidecar, and the origin behind it (sidecar.c) */

/*
 * Both understand /size/BYTES/seed/SEED (that many bytes of that pattern) and CONNECT (an echo).
 * /held/… is answered once `hold` of them wait. The sidecar alone expects attribution.
 */
struct load_sidecar {
    struct firma_loop *loop;
    struct load_listener {
        struct firma_watch watch;
        struct load_sidecar *sidecar;
        bool is_origin;
    } listeners[2];
    uint16_t port, origin;
    struct load_peer *peers;
    unsigned hold, held;
    unsigned unattributed; /* requests without exactly one x-firma-sandbox-id */
    uint64_t echoed;
};

void load_sidecar_open(struct load_sidecar *sidecar, struct firma_loop *loop);
/* Its port is free until it listens again. */
void load_sidecar_leave(struct load_sidecar *sidecar);
void load_sidecar_return(struct load_sidecar *sidecar);
void load_sidecar_close(struct load_sidecar *sidecar);

/* ---- clients (client.c) */

enum load_outcome {
    LOAD_NOTHING, /* no request was made */
    LOAD_WAITING,
    LOAD_RIGHT,       /* 200, and every byte of the body */
    LOAD_BAD_GATEWAY, /* 502 in the bridge's name */
    LOAD_TIMED_OUT,   /* 408 in the bridge's name */
    LOAD_CUT,         /* a right beginning and a reset */
    LOAD_CLOSED,      /* an orderly end without a byte */
    LOAD_WRONG,       /* anything else; `why` */
};

struct load_client {
    struct firma_loop *loop;
    struct firma_watch watch;
    char request[256];
    size_t length, sent;
    size_t allowed; /* of the request: that much may be sent by now */
    bool reads;     /* else its answer waits */
    char head[2048];
    size_t head_used;
    bool has_head;
    int status;
    uint64_t seed, expected, got;
    enum load_outcome outcome;
    char why[160];
    void (*done)(struct load_client *client);
    void *context;
};

/* Connects. DONE is called when an outcome is there; it may ask again or close. */
void load_client_open(struct load_client *client, struct firma_loop *loop, uint16_t port,
                      void (*done)(struct load_client *client), void *context);
/* GET of SIZE bytes of pattern SEED from AUTHORITY, of which the first ALLOWED bytes are sent. */
void load_client_ask(struct load_client *client, const char *authority, const char *kind,
                     uint64_t size, uint64_t seed, size_t allowed);
void load_client_allow(struct load_client *client, size_t allowed);
void load_client_listen(struct load_client *client, bool reads);
void load_client_close(struct load_client *client);

/* ---- the sections */

struct load {
    struct firma_loop *loop;
    struct load_sidecar sidecar;
    struct load_subject subject;
    const char *fake_sidecar; /* program */
    bool small;
    unsigned rounds; /* of connections; 0: 2 if small, else 10 */
};

void load_connections(struct load *load, struct load_report *report);
void load_guest(struct load *load, struct load_report *report);
void load_slow(struct load *load, struct load_report *report);
void load_tunnels(struct load *load, struct load_report *report);
void load_flapping(struct load *load, struct load_report *report);
void load_dns(struct load *load, struct load_report *report);

/* dns.c: a query for example.com with ID; its size. */
enum { LOAD_QUERY = 29 };
void load_query(uint8_t out[LOAD_QUERY], uint16_t id);
/* Asks over TCP and UDP; false: no REFUSED came. Before it returns, the launcher has seen every
 * connection that was closed before. */
bool load_dns_refuses(uint16_t port);

#endif
