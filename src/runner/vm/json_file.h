/* json_file.h - small JSON files that an operator keeps beside the images. */
#ifndef FIRMA_VM_JSON_FILE_H
#define FIRMA_VM_JSON_FILE_H

#include <jansson.h>
#include <stdint.h>

#include "firma_run.h"

enum { FIRMA_VM_JSON_MAX = 64 * 1024 }; /* bytes of one such file, inclusive */

/* Reads the object in the file NAME of the directory DIRFD (borrowed): a regular file, never a
 * symbolic link, not writable by others, without a duplicate key. *OUT is the caller's. CODE is
 * that of a bad text; an absent file is CODE with errnum ENOENT. Also FIRMA_E_CUSTODY, _SYSTEM. */
int firma_vm_json_read(int dirfd, const char *name, enum firma_error_code code, json_t **out,
                       struct firma_error *err);

#endif
