/*
 * preload.c - an allocator that fails once, and clocks that jump. Preloaded into every program of a
 * cell (/etc/ld.so.preload there); it acts in the one the page names.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "preload.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

enum { FRAMES = 12 };

static struct preload_page *page;

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* The innermost frame that is the program's own, and the library's function it called. */
static void note_caller(void)
{
    void *frames[FRAMES];
    char inner[40] = "";
    Dl_info info;
    int count = backtrace(frames, FRAMES);
    for (int i = 2; i < count; i++) {
        if (dladdr(frames[i], &info) == 0 || info.dli_fname == NULL)
            continue;
        if (strcmp(base_name(info.dli_fname), program_invocation_short_name) == 0) {
            snprintf(page->caller, sizeof page->caller, "%s<%.30s+%#lx", inner,
                     base_name(info.dli_fname),
                     (unsigned long)((char *)frames[i] - (char *)info.dli_fbase));
            return;
        }
        snprintf(inner, sizeof inner, "%.38s",
                 info.dli_sname != NULL ? info.dli_sname : base_name(info.dli_fname));
    }
    snprintf(page->caller, sizeof page->caller, "%s<", inner);
}

static int fails(void)
{
    struct timespec now;
    if (page == NULL || page->failed != 0)
        return 0;
    if (__atomic_add_fetch(&page->allocations, 1, __ATOMIC_SEQ_CST) != page->fail_at)
        return 0;
    page->failed = 1; /* before the stack is walked: that may allocate, too */
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    page->failed_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    note_caller();
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return size != 0 && fails() ? NULL : __libc_realloc(old, size);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);
    if (result == 0 && page != NULL && clock < PRELOAD_CLOCKS) {
        uint32_t reading = __atomic_add_fetch(&page->readings[clock], 1, __ATOMIC_SEQ_CST);
        if (page->jump_at[clock] != 0 && reading >= page->jump_at[clock])
            out->tv_sec += page->jump_seconds;
    }
    return result;
}

time_t time(time_t *out)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

__attribute__((constructor)) static void attach(void)
{
    void *frames[2];
    int fd = open(PRELOAD_PAGE, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *found = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found == MAP_FAILED)
        return;
    backtrace(frames, 2); /* loads what it needs now, not while an allocation fails */
    if (strcmp(((struct preload_page *)found)->program, program_invocation_short_name) == 0)
        page = found;
    else
        munmap(found, sizeof *page);
}
