/*
 * hostile.h - a machine that is a script: what stands behind vmm.h in hostile-vm-runner, which is
 * firma-vm-runner in all else. The contract's executable names the script.
 *
 * A script is the guest's end of the channel. It says what it likes, looks at what the host says,
 * and returns: then the machine is gone, as if the monitor had been killed.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/vm/channel/frame.h"

struct hostile {
    int channel;
    int log;         /* the machine's console */
    const char *cwd; /* the contract's */
    uint8_t input[2 * FIRMA_FRAME_MAX];
    size_t used, eaten;
};

typedef void hostile_script(struct hostile *machine);

/* NULL: no such script. */
hostile_script *hostile_find(const char *name);

/* Blocking. Whatever fails ends the machine. */
void hostile_write(struct hostile *machine, const void *bytes, size_t size);
void hostile_send(struct hostile *machine, enum firma_frame_kind kind, uint16_t stream,
                  const void *payload, size_t length);
void hostile_word(struct hostile *machine, enum firma_vm_word word, uint32_t value);
void hostile_number(struct hostile *machine, enum firma_frame_kind kind, uint16_t stream,
                    uint32_t number);
/* The host's next frame; its bytes are good until the next call. False: the host hung up. */
bool hostile_receive(struct hostile *machine, struct firma_frame *frame);

/* As an honest guest would: HELLO, the whole launch block, READY, GO. */
void hostile_start(struct hostile *machine);
/* Ends both streams and says STATUS, in one write, then waits until the host hangs up. */
void hostile_end(struct hostile *machine, uint32_t status);
/* Waits for SIZE bytes of standard input. */
void hostile_await_input(struct hostile *machine, size_t size);

#endif
