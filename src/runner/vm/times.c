#include "runner/vm/times.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const char *const words[FIRMA_VM_MOMENT_COUNT] = {
#define X(name, word) [name] = (word),
    FIRMA_VM_MOMENTS(X)
#undef X
};

int64_t firma_vm_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void firma_vm_times_mark(struct firma_vm_times *times, enum firma_vm_moment moment)
{
    times->at[moment] = firma_vm_now_ms();
}

void firma_vm_times_render(const struct firma_vm_times *times, char text[FIRMA_VM_TIMES_TEXT])
{
    size_t used = 0;
    int64_t before = times->at[FIRMA_VM_BEGUN];
    text[0] = '\0';
    for (unsigned i = FIRMA_VM_BEGUN + 1; i < FIRMA_VM_MOMENT_COUNT; i++) {
        if (times->at[i] == 0)
            continue;
        used += (size_t)snprintf(text + used, FIRMA_VM_TIMES_TEXT - used, "%s%s %" PRId64 " ms",
                                 used > 0 ? ", " : "", words[i], times->at[i] - before);
        before = times->at[i];
    }
}
