#include "launcher/fds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ASSUMED_MAXIMUM = 4096 };

static void mark(int fd, void *context)
{
    int *errnum = context;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 && errno != EBADF)
        *errnum = errno;
}

struct keep {
    const int *fds;
    int count;
};

static void close_unless_kept(int fd, void *context)
{
    const struct keep *keep = context;
    for (int i = 0; i < keep->count; i++) {
        if (keep->fds[i] == fd)
            return;
    }
    close(fd);
}

static void each_possible(int lowest, void (*visit)(int fd, void *context), void *context)
{
    long limit = sysconf(_SC_OPEN_MAX);
    for (int fd = lowest; fd < (limit > 0 ? limit : ASSUMED_MAXIMUM); fd++)
        visit(fd, context);
}

/* /dev/fd lists what is open on both systems. Without it, or where it breaks off, every possible
 * number is tried, up to the limit: slow, but nothing is left out that a limit of the usual size
 * allows. */
static void each_open(int lowest, void (*visit)(int fd, void *context), void *context)
{
    struct dirent *entry;
    DIR *list = opendir("/dev/fd");
    if (list == NULL) {
        each_possible(lowest, visit, context);
        return;
    }
    while (errno = 0, (entry = readdir(list)) != NULL) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd >= lowest && fd != dirfd(list))
            visit(fd, context);
    }
    bool broken_off = errno != 0;
    closedir(list);
    if (broken_off)
        each_possible(lowest, visit, context);
}

int firma_fds_cloexec_from(int lowest)
{
    int errnum = 0;
    if (!firma_fds_range((unsigned)lowest, UINT_MAX, true))
        each_open(lowest, mark, &errnum);
    errno = errnum;
    return errnum == 0 ? 0 : -1;
}

/* The lowest of KEEP that is not below FLOOR, or -1. */
static int next_kept(const int *keep, int keep_count, int floor)
{
    int next = -1;
    for (int i = 0; i < keep_count; i++) {
        if (keep[i] >= floor && (next < 0 || keep[i] < next))
            next = keep[i];
    }
    return next;
}

/* What lies between those that stay, one gap after the other. */
static bool close_gaps(int lowest, const int *keep, int keep_count)
{
    int floor = lowest;
    for (int kept; (kept = next_kept(keep, keep_count, floor)) >= 0; floor = kept + 1) {
        if (kept > floor && !firma_fds_range((unsigned)floor, (unsigned)kept - 1, false))
            return false;
    }
    return firma_fds_range((unsigned)floor, UINT_MAX, false);
}

void firma_fds_close_except(int lowest, const int *keep, int keep_count)
{
    struct keep set = {keep, keep_count};
    if (!close_gaps(lowest, keep, keep_count))
        each_open(lowest, close_unless_kept, &set);
}

size_t firma_fds_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    return limit.rlim_max > SIZE_MAX ? SIZE_MAX : (size_t)limit.rlim_max;
}

size_t firma_fds_raise_limit(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return 0;
    size_t before = (size_t)limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? before : 0;
}

void firma_fds_restore_limit(size_t before)
{
    struct rlimit limit;
    if (before == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = before;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int firma_fds_fill_standard(void)
{
    for (;;) {
        int fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            return -1;
        if (fd > 2)
            return close(fd);
    }
}

int firma_fds_release_standard(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -1;
    for (int standard = 0; standard <= 2; standard++) {
        if (dup2(fd, standard) < 0)
            return -1;
    }
    return fd > 2 ? close(fd) : 0;
}
