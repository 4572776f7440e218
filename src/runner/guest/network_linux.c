#include <errno.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "contract/cleanup.h"
#include "runner/guest/guest.h"

int firma_guest_loopback_up(struct firma_error *err)
{
    FIRMA_AUTOCLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo"};
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's loopback device");
    request.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "guest's loopback device: up");
    return 0;
}
