#include "observers/observer.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

int cf_observer_open(struct cf_observer *io, const char *name, struct cf_error *err)
{
    return cf_events_open(&io->events, io->log_fd, name, err);
}

/* A reader that has gone away is not the observer's trouble. */
static void tell(int fd, const void *data, size_t length)
{
    if (fd >= 0 && write(fd, data, length) < 0)
        errno = 0;
}

void cf_observer_ready(struct cf_observer *io)
{
    tell(io->ready_fd, "+", 1);
    close(io->ready_fd);
    io->ready_fd = -1;
}

int cf_observer_unready(struct cf_observer *io, const struct cf_error *err)
{
    tell(io->ready_fd, "-", 1);
    tell(io->ready_fd, err->text, strlen(err->text));
    cf_events_close(io->events);
    io->events = NULL;
    return -err->code;
}

void cf_observer_tick(const struct cf_observer *io)
{
    uint64_t one = 1;
    tell(io->tick_fd, &one, sizeof one);
}

void cf_observer_emit(struct cf_observer *io, const char *event, json_t *fields)
{
    cf_events_emit(io->events, event, fields);
    cf_observer_tick(io);
}

int cf_observer_close(struct cf_observer *io, struct cf_error *err)
{
    int result = cf_events_close(io->events);
    io->events = NULL;
    cf_observer_tick(io);
    return result == 0 ? 0 : cf_fail(err, CF_E_SYSTEM, errno, "a record could not be stored");
}
