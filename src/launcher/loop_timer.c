/* loop_timer.c - one-shot timers as a sorted list: a few thousand at most, seldom moved. */
#include "launcher/loop_private.h"

#include <limits.h>

void firma_loop_disarm(struct firma_loop *loop, struct firma_timer *timer)
{
    (void)loop;
    if (!timer->active)
        return;
    *timer->link = timer->next;
    if (timer->next != NULL)
        timer->next->link = timer->link;
    timer->next = NULL;
    timer->active = false;
}

/* The clock is cut to whole milliseconds: one more keeps a timer from firing early. */
void firma_loop_arm(struct firma_loop *loop, struct firma_timer *timer, uint64_t delay_ms)
{
    firma_loop_disarm(loop, timer);
    timer->deadline = firma_loop_now() + delay_ms + (delay_ms != 0);
    struct firma_timer **at = &loop->timers;
    while (*at != NULL && (*at)->deadline <= timer->deadline)
        at = &(*at)->next;
    timer->link = at;
    timer->next = *at;
    if (timer->next != NULL)
        timer->next->link = &timer->next;
    timer->active = true;
    *at = timer;
}

void firma_loop_arm_latest(struct firma_loop *loop, struct firma_timer *timer, uint64_t delay_ms)
{
    if (!timer->active || timer->deadline > firma_loop_now() + delay_ms)
        firma_loop_arm(loop, timer, delay_ms);
}

int firma_loop_run_timers(struct firma_loop *loop)
{
    uint64_t now = firma_loop_now();
    while (loop->timers != NULL && loop->timers->deadline <= now && !loop->stopped) {
        struct firma_timer *due = loop->timers;
        firma_loop_disarm(loop, due);
        due->fire(due->context);
    }
    if (loop->timers == NULL)
        return -1;
    now = firma_loop_now();
    if (loop->timers->deadline <= now)
        return 0;
    uint64_t left = loop->timers->deadline - now;
    return left > INT_MAX ? INT_MAX : (int)left;
}
