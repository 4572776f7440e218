/* tech_ipc_linux.c - objects of the host's that no network namespace hides: queues and memory. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>

#include "techniques.h"

struct letter {
    long type;
    char text[PROBE_NONCE];
};

static key_t key_of(const struct probe_step *step)
{
    return (key_t)probe_param_number(step, "key", 0);
}

void probe_tech_sysv_queue(const struct probe_step *step, struct probe_outcome *out)
{
    struct letter letter = {.type = 1};
    memcpy(letter.text, step->nonce, sizeof letter.text);
    int queue = msgget(key_of(step), 0);
    if (queue < 0 || msgsnd(queue, &letter, sizeof letter.text, IPC_NOWAIT) != 0)
        probe_try_errno(out, errno, "message queue");
    else
        probe_try(out, PROBE_SENT, 0, "the message queue took the nonce");
}

void probe_tech_sysv_memory(const struct probe_step *step, struct probe_outcome *out)
{
    int segment = shmget(key_of(step), 0, 0);
    char *memory = segment < 0 ? (char *)-1 : shmat(segment, NULL, 0);
    if (memory == (char *)-1) {
        probe_try_errno(out, errno, "shared memory");
        return;
    }
    memcpy(memory, step->nonce, PROBE_NONCE);
    shmdt(memory);
    probe_try(out, PROBE_SENT, 0, "the shared memory took the nonce");
}

void probe_tech_posix_queue(const struct probe_step *step, struct probe_outcome *out)
{
    mqd_t queue = mq_open(probe_param(step, "name", "/"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (queue == (mqd_t)-1 || mq_send(queue, step->nonce, PROBE_NONCE, 0) != 0)
        probe_try_errno(out, errno, "POSIX message queue");
    else
        probe_try(out, PROBE_SENT, 0, "the POSIX message queue took the nonce");
    if (queue != (mqd_t)-1)
        mq_close(queue);
}
