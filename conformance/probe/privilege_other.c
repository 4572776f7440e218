#include "probe.h"

uint64_t probe_capabilities(void)
{
    return 0;
}

uint64_t probe_user_namespace(void)
{
    return 0;
}
