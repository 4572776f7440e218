#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "runner/vm/channel/block.h"
#include "runner/vm/vm.h"

/* seal_descriptors() put a CLOEXEC placeholder wherever it found nothing. */
static uint8_t closed_descriptors(void)
{
    uint8_t closed = 0;
    for (int i = 0; i <= 2; i++)
        if ((fcntl(i, F_GETFD) & FD_CLOEXEC) != 0)
            closed |= (uint8_t)(1u << i);
    return closed;
}

static uint32_t ignored_signals(void)
{
    uint32_t ignored = 0;
    for (int i = 1; i < 32; i++) {
        struct sigaction action;
        if (i != SIGCHLD && sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            ignored |= 1u << (i - 1);
    }
    return ignored;
}

static uint64_t blocked_signals(const sigset_t *mask)
{
    uint64_t blocked = 0;
    for (int i = 1; i <= 64; i++)
        if (sigismember(mask, i) == 1)
            blocked |= (uint64_t)1 << (i - 1);
    return blocked;
}

int firma_vm_prepare_block(const struct firma_contract *contract,
                           const struct firma_runner_origin *origin,
                           const struct firma_vm_terminal *terminal, uint8_t **bytes, size_t *size,
                           struct firma_error *err)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct firma_block block = {.uid = geteuid(),
                                .gid = getegid(),
                                .terminal = terminal->descriptors,
                                .rows = terminal->rows,
                                .columns = terminal->columns,
                                .closed = closed_descriptors(),
                                .ignore_sigchld = origin->ignore_sigchld,
                                .blocked = blocked_signals(&origin->mask),
                                .ignored = ignored_signals(),
                                .seconds = (uint64_t)now.tv_sec,
                                .nanoseconds = (uint32_t)now.tv_nsec};
    struct firma_guest_filter filter = {0};
    FIRMA_AUTOFREE char *text = NULL;
    if (getrandom(block.entropy, sizeof block.entropy, 0) != (ssize_t)sizeof block.entropy)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "entropy");
    int result = firma_contract_encode(contract, &text, &block.contract_size, err);
    if (result == 0 && contract->seccomp_filter_path != NULL)
        result = firma_guest_filter_read(contract->seccomp_filter_path, &filter, err);
    if (result < 0)
        return result;
    block.contract = text;
    block.filter = (const uint8_t *)filter.code;
    block.filter_size = filter.count * sizeof(struct sock_filter);
    result = firma_block_encode(&block, bytes, size, err);
    firma_guest_filter_clear(&filter);
    return result;
}
