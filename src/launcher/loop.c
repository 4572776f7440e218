#include "launcher/loop_private.h"

#include <time.h>

uint64_t firma_loop_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void firma_loop_forget(struct firma_loop *loop, const struct firma_watch *watch)
{
    for (int i = 0; i < loop->batch_used; i++)
        if (loop->batch[i] == watch)
            loop->batch[i] = NULL;
}

/* Timers first: a callback that re-arms itself with no delay still lets descriptors have a turn. */
int firma_loop_run(struct firma_loop *loop, struct firma_error *err)
{
    loop->stopped = false;
    for (;;) {
        int timeout = firma_loop_run_timers(loop);
        if (loop->stopped)
            return 0;
        int rc = firma_loop_wait(loop, timeout, err);
        if (rc != 0)
            return rc;
        if (loop->stopped)
            return 0;
    }
}

void firma_loop_stop(struct firma_loop *loop)
{
    loop->stopped = true;
}
