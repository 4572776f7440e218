#include "runner/ns/events.h"

#include <errno.h>
#include <sys/epoll.h>

int firma_ns_events_open(struct firma_error *err)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd >= 0 ? fd : firma_fail(err, FIRMA_E_SYSTEM, errno, "epoll_create1");
}

int firma_ns_events_set(int events, struct firma_ns_watch *watch, uint32_t interest)
{
    if (watch->interest == interest)
        return 0;
    struct epoll_event event = {.events = interest, .data.ptr = watch};
    int verb = watch->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(events, interest == 0 ? EPOLL_CTL_DEL : verb, watch->fd, &event) < 0)
        return -1;
    watch->interest = interest;
    return 0;
}

int firma_ns_events_turn(int events, int timeout_ms, struct firma_error *err)
{
    struct epoll_event event;
    int count = epoll_wait(events, &event, 1, timeout_ms);
    if (count < 0 && errno != EINTR)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "epoll_wait");
    if (count <= 0)
        return 0;
    const struct firma_ns_watch *watch = event.data.ptr;
    watch->ready(watch->context, event.events);
    return 1;
}
