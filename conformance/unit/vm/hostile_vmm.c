#include "hostile.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/vm/vmm.h"

bool firma_vmm_offers(enum firma_vm_accelerator accelerator, struct firma_error *err)
{
    (void)err;
    return accelerator == FIRMA_VM_TCG;
}

_Noreturn static void be_machine(const struct firma_vmm_spec *spec, hostile_script *script)
{
    static struct hostile machine;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    signal(SIGPIPE, SIG_DFL);
    machine =
        (struct hostile){.channel = spec->channel, .log = spec->log, .cwd = spec->contract->cwd};
    script(&machine);
    _exit(0);
}

int firma_vmm_start(const struct firma_vmm_spec *spec, struct firma_vmm *out,
                    struct firma_error *err)
{
    hostile_script *script = hostile_find(spec->contract->executable);
    if (script == NULL)
        return firma_fail(err, FIRMA_E_SPAWN, 0, "no such script");
    pid_t pid = fork();
    if (pid < 0)
        return firma_fail(err, FIRMA_E_SPAWN, errno, "machine");
    if (pid == 0)
        be_machine(spec, script);
    out->pid = pid;
    return 0;
}

void firma_vmm_kill(const struct firma_vmm *vmm)
{
    if (vmm->pid > 0)
        kill(vmm->pid, SIGKILL);
}

void firma_vmm_stop(struct firma_vmm *vmm)
{
    firma_vmm_kill(vmm);
    while (vmm->pid > 0 && waitpid(vmm->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    vmm->pid = -1;
}

/* ---- the guest's end of the channel ---- */

void hostile_write(struct hostile *machine, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t put = write(machine->channel, at, size);
        if (put <= 0)
            _exit(0);
        at += put;
        size -= (size_t)put;
    }
}

void hostile_send(struct hostile *machine, enum firma_frame_kind kind, uint16_t stream,
                  const void *payload, size_t length)
{
    static uint8_t bytes[FIRMA_FRAME_MAX];
    const struct firma_frame frame = {kind, stream, payload, length};
    hostile_write(machine, bytes, firma_frame_encode(&frame, bytes));
}

void hostile_word(struct hostile *machine, enum firma_vm_word word, uint32_t value)
{
    uint8_t payload[8];
    firma_put32(payload, word);
    firma_put32(payload + 4, value);
    hostile_send(machine, FIRMA_FRAME_WORD, 0, payload, sizeof payload);
}

void hostile_number(struct hostile *machine, enum firma_frame_kind kind, uint16_t stream,
                    uint32_t number)
{
    uint8_t payload[4];
    firma_put32(payload, number);
    hostile_send(machine, kind, stream, payload, sizeof payload);
}

bool hostile_receive(struct hostile *machine, struct firma_frame *frame)
{
    memmove(machine->input, machine->input + machine->eaten, machine->used - machine->eaten);
    machine->used -= machine->eaten;
    machine->eaten = 0;
    for (;;) {
        int length = firma_frame_decode(machine->input, machine->used, frame);
        if (length < 0)
            _exit(1);
        if (length > 0) {
            machine->eaten = (size_t)length;
            return true;
        }
        ssize_t got = read(machine->channel, machine->input + machine->used,
                           sizeof machine->input - machine->used);
        if (got <= 0)
            return false;
        machine->used += (size_t)got;
    }
}

static bool is_word(const struct firma_frame *frame, enum firma_vm_word word)
{
    return frame->kind == FIRMA_FRAME_WORD && firma_get32(frame->bytes) == word;
}

/* The block's bytes are granted anew one by one, the last ones as well. */
void hostile_start(struct hostile *machine)
{
    struct firma_frame frame;
    hostile_word(machine, FIRMA_WORD_HELLO, FIRMA_VM_PROTOCOL);
    while (hostile_receive(machine, &frame) && frame.kind != FIRMA_FRAME_END)
        if (frame.kind == FIRMA_FRAME_DATA)
            hostile_number(machine, FIRMA_FRAME_CREDIT, FIRMA_STREAM_BLOCK, (uint32_t)frame.length);
    hostile_word(machine, FIRMA_WORD_READY, 0);
    while (hostile_receive(machine, &frame))
        if (is_word(&frame, FIRMA_WORD_GO))
            return;
    _exit(0);
}

void hostile_end(struct hostile *machine, uint32_t status)
{
    struct firma_frame frame;
    hostile_send(machine, FIRMA_FRAME_END, FIRMA_STREAM_STDOUT, NULL, 0);
    hostile_send(machine, FIRMA_FRAME_END, FIRMA_STREAM_STDERR, NULL, 0);
    hostile_word(machine, FIRMA_WORD_ENDED, status);
    while (hostile_receive(machine, &frame))
        ;
}

void hostile_await_input(struct hostile *machine, size_t size)
{
    struct firma_frame frame;
    while (size > 0 && hostile_receive(machine, &frame)) {
        if (frame.kind != FIRMA_FRAME_DATA || frame.stream != FIRMA_STREAM_STDIN)
            continue;
        size -= frame.length < size ? frame.length : size;
    }
}
