/* bridge_private.h - what the bridge's files share. */
#ifndef FIRMA_BRIDGE_PRIVATE_H
#define FIRMA_BRIDGE_PRIVATE_H

#include "launcher/bridge.h"
#include "launcher/http_buffer.h"
#include "launcher/http_response.h"
#include "launcher/peer.h"

enum {
    BRIDGE_BUFFER = HTTP_HEAD_BYTES, /* received, not yet understood: one head at least */
    BRIDGE_ANSWER = BRIDGE_BUFFER + 1024,
};

enum bridge_state {
    BRIDGE_IDLE,     /* between requests */
    BRIDGE_HEAD,     /* a part of a head is here */
    BRIDGE_DIAL,     /* connecting to the sidecar */
    BRIDGE_EXCHANGE, /* one request, one answer */
    BRIDGE_TUNNEL,   /* after the 2xx to a CONNECT */
    BRIDGE_LINGER,   /* last answer under way; what still comes is discarded */
    BRIDGE_STATES,
};

struct bridge_conn;

/* One of the two ends of a connection. */
struct bridge_side {
    struct firma_watch watch;
    struct http_buffer in;  /* received from it */
    struct http_buffer out; /* for it */
    bool eof;               /* it will send no more */
    bool reset;             /* ... and that was an error */
    bool shut;              /* we will send no more */
    bool deaf;              /* it takes no more */
};

struct bridge_conn {
    struct firma_bridge *bridge;
    struct bridge_conn *next, **link; /* the bridge's list */
    enum bridge_state state;
    struct bridge_side guest, sidecar;
    struct firma_timer timer;
    uint64_t touched;  /* when the state began, or last made progress */
    size_t scanned;    /* firma_http_find_head's, of the head being waited for */
    size_t discarded;  /* while lingering */
    unsigned interims; /* answers of this exchange so far, 1xx */
    bool answered;     /* the final head went to the guest */
    bool request_done; /* its body went to the sidecar */
    bool last;         /* the connection ends with this exchange */
    bool over;         /* to be destroyed */
    bool persists;     /* the sidecar's connection may carry another exchange after this one */
    size_t riding;     /* of a request on a kept connection: its head, as long as guest.in has it */
    struct http_asked asked;
    struct http_body request_body, response_body;
    char label[320]; /* "METHOD HOST" for the log */
};

/* Where a tunnel's bytes are on their way from one side to the other. */
struct bridge_pipe {
    int ends[2]; /* to read from, to write to; -1 where there is none */
};

struct firma_bridge {
    struct firma_loop *loop;
    struct firma_bridge_config config;
    struct firma_bridge_limits limits;
    struct firma_watch listener;
    struct firma_timer pause; /* after accept(2) ran out of something */
    uint16_t port;
    struct firma_peer peer;
    struct http_buffer attribution; /* complete field lines */
    struct bridge_pipe pipe;        /* empty between passes */
    struct bridge_conn *conns;
    unsigned conn_count;
    unsigned conn_peak; /* since memory was last given back */
    bool remnant;       /* of a crowd, was there when memory was last given back */
};

/* bridge_pass_*.c. 0, or -1 with errno. */
int firma_bridge_pipe_open(struct bridge_pipe *pipe);
/* Takes what FROM sends, at most BRIDGE_BUFFER bytes, to TO without reading it; what TO does not
 * take at once is put into its `out`, which must be empty. True when bytes came; else FROM is to be
 * read. */
bool firma_bridge_pass(struct bridge_pipe *pipe, struct bridge_side *from, struct bridge_side *to);

/* bridge_attribution.c: checks the authoritative headers and writes their lines to OUT. */
int firma_bridge_attribution(struct http_buffer *out, const struct firma_header *headers,
                             size_t count, struct firma_error *err);

/* bridge.c: a connection began. */
void firma_bridge_count(struct firma_bridge *bridge);
void firma_bridge_pipe_close(struct bridge_pipe *pipe);
/* A connection ended, there is room for another. */
void firma_bridge_resume(struct firma_bridge *bridge);

/* bridge_conn.c. Takes ownership of FD. */
void firma_bridge_serve(struct firma_bridge *bridge, int fd);
void firma_bridge_conn_destroy(struct bridge_conn *conn);
void firma_bridge_enter(struct bridge_conn *conn, enum bridge_state state);
/* Does all that can be done without waiting; may destroy CONN. */
void firma_bridge_pump(struct bridge_conn *conn);

/* bridge_exchange.c: what a connection does in a state; true when anything moved. */
bool firma_bridge_advance(struct bridge_conn *conn);
/* Connected, or not, to the sidecar. */
void firma_bridge_dialled(struct bridge_conn *conn, int errnum);
/* The state's time is up. */
void firma_bridge_expire(struct bridge_conn *conn);

/* bridge_side.c: one end. */
bool firma_bridge_side_open(struct bridge_side *side, size_t out_capacity);
void firma_bridge_side_close(struct firma_loop *loop, struct bridge_side *side);
/* Closes the descriptor only; the buffers stay for the next one. */
void firma_bridge_side_hang_up(struct firma_loop *loop, struct bridge_side *side);
/* It is connected and has neither said anything nor ended. */
bool firma_bridge_side_is_quiet(const struct bridge_side *side);
/* Reads once. True when bytes came. */
bool firma_bridge_side_fill(struct bridge_side *side);
/* Writes until nothing is left or it would wait. True when anything went. */
bool firma_bridge_side_flush(struct bridge_side *side);
/* Half-close: no more for it. Only once `out` is empty. */
void firma_bridge_side_shut(struct bridge_side *side);
/* Makes the coming close a reset, so that a cut answer cannot be taken for a whole one. */
void firma_bridge_side_make_reset(struct bridge_side *side);

#endif
