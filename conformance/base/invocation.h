/* invocation.h - names for what a program runs in: its invocation, its folder, its kernel. */
#ifndef CF_INVOCATION_H
#define CF_INVOCATION_H

#include <stddef.h>

/* Names the parent process (pid and, where the system tells it, start time): CTest's observing and
 * judging entries agree on it, two runs of CTest never do. */
void cf_invocation_of_parent(char *text, size_t size);
/* The folder this program was started from, or "" when the system does not tell. */
void cf_own_folder(char *path, size_t size);
/* This machine's running kernel, as "BOOT_ID SECONDS": the identifier of this boot and how long ago
 * it was. "" when the system does not tell. */
void cf_running_kernel(char *text, size_t size);

#endif
