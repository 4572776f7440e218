/* caps_linux.c - what a subject may do; capabilities(7). */
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/lab_linux.h"

/*
 * Enough for every network technique's control, and to map the lab's uid 0 into a user namespace
 * (CAP_SETFCAP, user_namespaces(7)); nothing that undoes a mount, changes ids or reads others'
 * files.
 */
static const int KEPT[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST,
                           CAP_SETFCAP};

static uint64_t kept_mask(void)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < sizeof KEPT / sizeof KEPT[0]; i++)
        mask |= 1ull << KEPT[i];
    return mask;
}

/* A capability this kernel does not know ends the walk. */
static int bound(uint64_t mask)
{
    for (int capability = 0; capability < 64; capability++)
        if ((mask >> capability & 1) == 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return errno == EINVAL && capability > CAP_CHECKPOINT_RESTORE ? 0 : -1;
    return 0;
}

int cf_lab_drop_capabilities(bool all, bool may_chown)
{
    uint64_t mask = all ? 0 : kept_mask() | (may_chown ? 1ull << CAP_CHOWN : 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    for (int i = 0; i < 2; i++)
        data[i].effective = data[i].permitted = (uint32_t)(mask >> (32 * i));
    if (bound(mask) != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return -1;
    return (int)syscall(SYS_capset, &header, data);
}
