/*
 * ends.h - what descriptors 0 to 2 of a process are, and the harness's ends of them.
 */
#ifndef CF_ENDS_H
#define CF_ENDS_H

#include "base/error.h"

enum cf_end {
    CF_END_PIPE,
    CF_END_TERMINAL, /* one pseudo-terminal for all that ask for one */
    CF_END_FILE,     /* with bytes in it, and the offset in their midst */
    CF_END_APPEND,   /* the same, opened for appending */
    CF_END_FIFO,     /* of a name */
    CF_END_SOCKET,   /* a connected pair of streams */
    CF_END_NULL,
    CF_END_CLOSED
};

/* Descriptors are -1 where there is none. */
struct cf_ends {
    int child[3]; /* what the process gets */
    int ours[3];  /* what is written to and read from while it runs, never blocking */
    int files[3]; /* what is read once it has ended */
    int master;   /* of the terminal */
};

/* Opens what KINDS ask for; cf_ends_close() closes whatever is still in ENDS. */
int cf_ends_open(struct cf_ends *ends, const enum cf_end kinds[3], struct cf_error *err);
void cf_ends_close(struct cf_ends *ends);

#endif
