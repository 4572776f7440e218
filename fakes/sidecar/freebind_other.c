#include "sidecar.h"

/* Nothing of the kind here: the source address must belong to an interface. */
void fake_freebind(int fd, int family)
{
    (void)fd;
    (void)family;
}
