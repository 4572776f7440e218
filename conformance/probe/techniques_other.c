/* techniques_other.c - where the system is not Linux, its techniques say so. */
#include "techniques.h"

#define ANY(name, function)
#define LINUX(name, function)                                                                      \
    void probe_tech_##function(const struct probe_step *step, struct probe_outcome *out)           \
    {                                                                                              \
        (void)step;                                                                                \
        probe_try(out, PROBE_UNSUPPORTED, 0, name ": only on Linux");                              \
    }
#include "techniques.def"

void probe_remount(const char *path, struct probe_outcome *out)
{
    probe_try(out, PROBE_UNSUPPORTED, 0, "%s: no remount on this system", path);
}
