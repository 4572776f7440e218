/*
 * cache.h - what a launch may find out once instead of every time.
 *
 * A folder of the user's, `~/.cache/firma-vz`, 0700. Nothing in it is needed: where it cannot be,
 * or cannot be trusted, everything is found out anew. A guest may never write there, so a contract
 * with a writable mount that would show it to the guest (an agent at work in its user's home) gets
 * none.
 */
#ifndef FIRMA_VM_CACHE_H
#define FIRMA_VM_CACHE_H

#include <stdbool.h>

#include "firma_contract.h"

/* The folder (caller's, CLOEXEC), made if it is absent; -1: none. */
int firma_vm_cache_open(const char *home, const struct firma_contract *contract);

/* The text of the file NAME in CACHE, cut to SIZE - 1 bytes and NUL-terminated. False: none, or not
 * to be trusted. A CACHE of -1 is harmless everywhere. */
bool firma_vm_cache_read(int cache, const char *name, char *text, size_t size);
/* Replaces NAME as a whole. That it fails is of no consequence. */
void firma_vm_cache_write(int cache, const char *name, const char *text);

#endif
