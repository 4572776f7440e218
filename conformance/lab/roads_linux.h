/* roads_linux.h - the ways out of `host`, and one heartbeat sent along each. */
#ifndef CF_ROADS_LINUX_H
#define CF_ROADS_LINUX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/nonce.h"
#include "lab/lab_linux.h"

enum { CF_ROADS_MAX = 10 + CF_LAB_POTS, CF_WITNESSES = 3 };

/* Whose stored evidence has to show a heartbeat. */
enum cf_witness {
    CF_IN_CANARY = 1 << 0,
    CF_IN_CAPTURE = 1 << 1,
    CF_IN_HONEYPOTS = 1 << 2,
};

struct cf_heartbeat {
    const char *road;
    char nonce[CF_NONCE_TEXT];
    char address[96]; /* or the path of a unix socket */
    uint16_t port;    /* 0: the road has none */
    unsigned wanted;  /* witnesses */
    unsigned seen;
    int fd; /* stays open until the evidence has been read; -1 when nothing could be sent */
    int errnum;
};

/* Fills BEATS with one heartbeat for each road of this lab, not sent yet. */
int cf_roads_plan(const struct cf_lab *lab, struct cf_heartbeat beats[CF_ROADS_MAX], size_t *count,
                  struct cf_error *err);
/* Sends one; sets `fd` or `errnum`. */
void cf_roads_send(struct cf_heartbeat *beat);

#endif
