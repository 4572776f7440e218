/*
 * images.h - the files a machine is made of: are they the ones that were built, and do they stay?
 *
 * A manifest.json beside the kernel gives each image's size and SHA-256 by its role. What boots is
 * what was held against it: kernel and initrd are copied into sealed memory while they are read,
 * and the copy boots; the root file system is held open, read once, and booted from that very
 * descriptor, read-only. So no name is looked up twice. What stays possible: whoever may write to
 * the root file system's file could do so while the machine runs. No writable mount of the contract
 * can contain it, so that is never the guest.
 *
 * Reading 300 MB costs a fifth of a second. A finding is kept in the user's cache (cache.h) under
 * the file's device, inode, size and both times: a file that is written to gets another ctime.
 */
#ifndef FIRMA_VM_IMAGES_H
#define FIRMA_VM_IMAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "firma_contract.h"

#define FIRMA_VM_MANIFEST_FILE "manifest.json"

/* Each with the contract's and the manifest's word. */
#define FIRMA_VM_IMAGES(X)                                                                         \
    X(FIRMA_VM_KERNEL, "kernel")                                                                   \
    X(FIRMA_VM_INITRD, "initrd")                                                                   \
    X(FIRMA_VM_ROOTFS, "rootfs")

enum firma_vm_image {
#define X(name, word) name,
    FIRMA_VM_IMAGES(X)
#undef X
        FIRMA_VM_IMAGE_COUNT
};

enum { FIRMA_SHA256_HEX = 65 }; /* lower case, and the NUL */

struct firma_vm_expectation {
    uint64_t bytes;
    char sha256[FIRMA_SHA256_HEX];
};

/* ---- manifest.c ---- */

/* Reads the manifest in the directory DIRFD (borrowed). FIRMA_E_ARTIFACT, _CUSTODY, _SYSTEM. */
int firma_vm_manifest_read(int dirfd, struct firma_vm_expectation out[FIRMA_VM_IMAGE_COUNT],
                           struct firma_error *err);
const char *firma_vm_image_name(enum firma_vm_image image);

/* ---- digest.c ---- */

/* Reads FD from its start to its end; with COPY >= 0 writes all of it there as well. *BYTES: how
 * many there were. NAME is for messages. FIRMA_E_SYSTEM, FIRMA_E_MEMORY. */
int firma_vm_digest(int fd, int copy, char sha256[FIRMA_SHA256_HEX], uint64_t *bytes,
                    const char *name, struct firma_error *err);

/* ---- known.c ---- */

/* The SHA-256 that the file FD was last found to have, if it has not been changed since; CACHE:
 * its folder (cache.h), -1 for none. */
bool firma_vm_known_digest(int cache, int fd, char sha256[FIRMA_SHA256_HEX]);
/* Keeps it, unless FD was changed so lately that a further change might leave the same time. */
void firma_vm_learn_digest(int cache, int fd, const char *sha256);

/* ---- pin_linux.c ---- */

/* A file of memory only, and its end of being changed. Returns a descriptor (caller's, CLOEXEC). */
int firma_vm_pin_open(const char *name, struct firma_error *err);
int firma_vm_pin_seal(int fd, const char *name, struct firma_error *err);

/* ---- images.c ---- */

struct firma_vm_images {
    int dir;                      /* the kernel's directory */
    int fd[FIRMA_VM_IMAGE_COUNT]; /* readable, CLOEXEC */
};

/* Opens the images that CONTRACT names, in trusted custody, holds them against the manifest and
 * pins them. CACHE as above. FIRMA_E_ARTIFACT names role and file; FIRMA_E_CUSTODY, _SYSTEM,
 * _MEMORY. On failure OUT owns nothing. */
int firma_vm_images_open(const struct firma_contract *contract, int cache,
                         struct firma_vm_images *out, struct firma_error *err);
void firma_vm_images_close(struct firma_vm_images *images);

/* The kernel's directory alone: where manifest and options lie. A descriptor (caller's). */
int firma_vm_images_dir(const struct firma_contract *contract, struct firma_error *err);

#endif
