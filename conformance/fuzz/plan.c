/* The text a probe follows. It comes from the harness, but by way of the guest's file system. */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/plan.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

/* The techniques themselves have no place here: only their names are the plan's business. */
probe_technique *probe_find(const char *name)
{
    static probe_technique *const none = (probe_technique *)(uintptr_t)1;
    return strcmp(name, "tcp") == 0 || strcmp(name, "proxy-get") == 0 ? none : NULL;
}

static void check(const struct probe_plan *plan)
{
    FUZZ_MUST(plan->statements <= PROBE_STATEMENTS && strcmp(plan->token, TOKEN) == 0);
    for (size_t i = 0; i < plan->statements; i++) {
        const struct probe_statement *statement = &plan->statement[i];
        FUZZ_MUST(statement->words <= PROBE_WORDS);
        for (size_t n = 0; n < statement->words; n++)
            FUZZ_MUST(statement->word[n] != NULL && strlen(statement->word[n]) <= PROBE_PLAN_BYTES);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct probe_plan plan;
    struct probe_text error = {.used = 0};
    int fd = memfd_create("plan", MFD_CLOEXEC);
    FUZZ_MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool good = probe_plan_read(&plan, path, TOKEN, &error);
    FUZZ_MUST(good || error.used > 0);
    if (good)
        check(&plan);
    probe_plan_free(&plan);
    close(fd);
    return 0;
}
