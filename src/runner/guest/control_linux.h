/*
 * control_linux.h - the channel between a runner and its guest's pid 1.
 *
 * A SOCK_SEQPACKET pair: messages keep their bounds, an end that died reads as a hang-up, and both
 * ends are CLOEXEC, so the command can neither read nor forge a word of it.
 */
#ifndef FIRMA_CONTROL_H
#define FIRMA_CONTROL_H

#include <stdint.h>

#include "runner/guest/guest.h"

enum firma_guest_word {
    /* guest to runner */
    FIRMA_GUEST_READY = 1, /* carries the listeners; may build on, but nothing runs before GO */
    FIRMA_GUEST_FAILED,    /* text says why; also after READY */
    FIRMA_GUEST_STOPPED,   /* value: the signal */
    FIRMA_GUEST_CONTINUED,
    FIRMA_GUEST_ENDED, /* value: the command's wait status */
    /* runner to guest */
    FIRMA_GUEST_GO,      /* start the command once all is built */
    FIRMA_GUEST_SIGNAL,  /* value: pass it to the command */
    FIRMA_GUEST_TERMINAL /* value: see terminal_linux.h */
};

struct firma_guest_message {
    uint32_t word;
    int32_t value;
    uint32_t listener_count;
    struct firma_guest_listener listeners[FIRMA_GUEST_LISTENERS]; /* descriptors travel aside */
    char text[sizeof((struct firma_error *)0)->text];
};

/* PAIR[0] is the runner's end, PAIR[1] the guest's. */
int firma_control_open(int pair[2], struct firma_error *err);

/* Sends MESSAGE; the listeners in it are lent for the call. -1 and errno on failure. */
int firma_control_send(int fd, const struct firma_guest_message *message);
int firma_control_say(int fd, enum firma_guest_word word, int value);

/* Receives one message: 1, 0 after a hang-up, -1 and errno (EAGAIN on a non-blocking channel).
 * Listeners in it become the caller's. */
int firma_control_receive(int fd, struct firma_guest_message *message);
/* What the guest's word FAILED tells, as an error. */
int firma_control_explain(const struct firma_guest_message *failed, struct firma_error *err);
/* Receives the guest's first message, which must be READY: 0, the error that FAILED tells, or
 * FIRMA_E_SPAWN. */
int firma_control_await_ready(int fd, struct firma_guest_message *message, struct firma_error *err);
/* As firma_control_receive() where a result is awaited: what the peer said before it left counts
 * even if it left a word of ours unread, as when a signal was on its way to a command that ended.
 */
int firma_control_receive_last(int fd, struct firma_guest_message *message);

#endif
