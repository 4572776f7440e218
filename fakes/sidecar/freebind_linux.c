#include "sidecar.h"

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

void fake_freebind(int fd, int family)
{
    int on = 1;
    if (family == AF_INET)
        setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
    else
        setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
}
