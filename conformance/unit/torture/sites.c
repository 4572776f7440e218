/* sites.c - stands between a program and its C library; see sites.h. GCC only (__builtin_apply). */
#include "sites.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static struct torture_table *table;

/* Before main, so that not a call of it is missed. */
__attribute__((constructor)) static void open_table(void)
{
    const char *path = getenv("FIRMA_TORTURE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    table = at == MAP_FAILED ? NULL : at;
    close(fd);
}

static void note(uint64_t place, uint32_t call)
{
    uint32_t count = __atomic_load_n(&table->count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count && i < TORTURE_SITES; i++)
        if (table->sites[i].place == place) {
            __atomic_fetch_add(&table->sites[i].hits, 1, __ATOMIC_RELAXED);
            return;
        }
    uint32_t at = __atomic_fetch_add(&table->count, 1, __ATOMIC_ACQ_REL);
    if (at < TORTURE_SITES)
        table->sites[at] = (struct torture_site){place, 1, call};
}

/* True if this call, from RETURN_ADDRESS, is the one to fail. */
static bool strikes(const void *return_address, uint32_t call, int errnum)
{
    uint64_t place = (uint64_t)((const char *)return_address - (const char *)&__ehdr_start);
    if (table == NULL)
        return false;
    if (table->target == 0) {
        int saved = errno;
        note(place, call);
        errno = saved;
        return false;
    }
    if (table->target != place ||
        __atomic_add_fetch(&table->seen, 1, __ATOMIC_ACQ_REL) != table->turn)
        return false;
    table->fired = 1;
    errno = errnum;
    return true;
}

enum number {
#define CALL(name, result, errnum) CALL_##name,
#include "sites.def"
#undef CALL
    TORTURE_WAITPID
};

/* Without waiting it is never interrupted (waitpid(2)). */
pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
    if ((options & WNOHANG) == 0 && strikes(__builtin_return_address(0), TORTURE_WAITPID, EINTR))
        return -1;
    return __real_waitpid(pid, status, options);
}

/* Whatever the function takes is passed on as it came: registers, and some of the stack. Clang,
 * which only ever reads this (scripts/lint), cannot. */
#ifndef __clang__
enum { STACK = 64 };
#define CALL(name, result, errnum)                                                                 \
    void __real_##name(void);                                                                      \
    void *__wrap_##name(void);                                                                     \
    void *__wrap_##name(void)                                                                      \
    {                                                                                              \
        void *arguments = __builtin_apply_args();                                                  \
        if (strikes(__builtin_return_address(0), CALL_##name, errnum))                             \
            return (void *)(intptr_t)(result);                                                     \
        __builtin_return(__builtin_apply(__real_##name, arguments, STACK));                        \
    }
#include "sites.def"
#undef CALL
#endif
