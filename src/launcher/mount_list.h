/* mount_list.h - `--mount` and the guest's working directory, as mounts of a contract. */
#ifndef FIRMA_MOUNT_LIST_H
#define FIRMA_MOUNT_LIST_H

#include "firma_contract.h"

/* Sets cwd and mounts of CONTRACT: OPTIONS' mounts in order, sources canonical and existing
 * directories, then cwd on cwd, read-write. FIRMA_E_MOUNT names the mount or --cwd. */
int firma_mount_list_build(struct firma_contract *contract, const struct firma_run_options *options,
                           struct firma_error *err);

#endif
