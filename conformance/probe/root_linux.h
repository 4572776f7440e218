/* root_linux.h - what a guest's root can give itself: kernel file systems, device nodes, programs.
 */
#ifndef PROBE_ROOT_H
#define PROBE_ROOT_H

#include "probe.h"

enum { PROBE_PATH = 160 };

/* A directory where sysfs is: /sys, or one of our own. False where there is none to have. */
bool probe_sysfs(char path[PROBE_PATH]);
/* Makes a device node that may be opened (no nodev above it). False: errno tells. */
bool probe_node(char path[PROBE_PATH], const char *name, bool block, unsigned major,
                unsigned minor);
/* The numbers of the device NAME in FOLDER, one of sysfs's classes. */
bool probe_numbers(const char *folder, const char *name, unsigned *major, unsigned *minor);
/* Runs one of the guest's programs, at most MS, its output to /dev/null: exit status, -1 when there
 * is none or it had to be killed. */
int probe_program(const char *const *argv, int ms);
/* Loads a module of the guest's own, if its kernel is its own: modprobe's exit status, else -1. */
int probe_load(const struct probe_step *step, const char *module);
/* Writes TEXT to a file that exists: 0 or an errno. A read-only bar over it is lifted first. */
int probe_put_file(const char *path, const char *text);

#endif
