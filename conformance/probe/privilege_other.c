#include "probe.h"

uint64_t probe_capabilities(void)
{
    return 0;
}

uint64_t probe_user_namespace(void)
{
    return 0;
}

bool probe_owns_kernel(const struct probe_self *self)
{
    (void)self;
    return false;
}

void probe_find_nics(const struct probe_self *self)
{
    (void)self;
}

void probe_become_root(char **argv)
{
    (void)argv;
}
