#include <string.h>

#include "firma_contract.h"

/* True when INNER is OUTER or lies beneath it; both canonical. */
static bool contains(const char *outer, const char *inner)
{
    size_t length = strlen(outer);
    if (length == 1)
        return true; /* "/" */
    return strncmp(outer, inner, length) == 0 && (inner[length] == '\0' || inner[length] == '/');
}

static int check_mount(const struct firma_mount *mount, size_t index, const char *guarded,
                       struct firma_error *err)
{
    bool above = contains(mount->source, guarded);
    if (!above && !contains(guarded, mount->source))
        return 0;
    return firma_fail(
        err, FIRMA_E_MOUNT, 0,
        "mounts[%zu].source: a writable mount of %.300s %s %.300s, which the guest must "
        "not change; mount it read-only or choose another directory",
        index, mount->source, above ? "would expose" : "lies inside", guarded);
}

int firma_contract_check_mounts(const struct firma_mount *mounts, size_t mount_count,
                                const char *const *guarded, size_t guarded_count,
                                struct firma_error *err)
{
    for (size_t i = 0; i < mount_count; i++) {
        for (size_t k = 0; k < guarded_count && !mounts[i].read_only; k++) {
            int result = guarded[k] != NULL ? check_mount(&mounts[i], i, guarded[k], err) : 0;
            if (result < 0)
                return result;
        }
    }
    return 0;
}
