#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "runner/vm/images/images.h"

int firma_vm_pin_open(const char *name, struct firma_error *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd >= 0 ? fd : firma_fail(err, FIRMA_E_SYSTEM, errno, "%s: memory for a copy", name);
}

int firma_vm_pin_seal(int fd, const char *name, struct firma_error *err)
{
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    if (fcntl(fd, F_ADD_SEALS, seals) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%s: seal the copy", name);
    return 0;
}
