/* fds.h - descriptors that must not travel. */
#ifndef FIRMA_FDS_H
#define FIRMA_FDS_H

#include <stdbool.h>
#include <stddef.h>

/* Marks every open descriptor from LOWEST on close-on-exec. For a forked child before exec(2). 0 or
 * -1, errno set: one is open that could not be marked. */
int firma_fds_cloexec_from(int lowest);

/* Closes every open descriptor from LOWEST on, except the KEEP_COUNT ones in KEEP (-1: skipped).
 * For a forked child that stays. */
void firma_fds_close_except(int lowest, const int *keep, int keep_count);

/* How many descriptors this process may have open at once, as far as it may raise that itself. */
size_t firma_fds_limit(void);
/* Raises the soft limit to WANTED, or as far as it goes. Returns the one there was, for
 * firma_fds_restore_limit(); 0 when nothing was raised, which that takes, too. */
size_t firma_fds_raise_limit(size_t wanted);
void firma_fds_restore_limit(size_t before);

/* Makes sure that 0, 1 and 2 are open (on /dev/null if they were not), so that no descriptor of
 * ours is ever mistaken for one of them. 0 or -1. */
int firma_fds_fill_standard(void);

/* Points 0, 1 and 2 at /dev/null. 0 or -1. */
int firma_fds_release_standard(void);

/* Closes every descriptor from FIRST to LAST, or with ONLY_MARK marks it close-on-exec, in one
 * system call. False, and nothing done, where the system has none for it. */
bool firma_fds_range(unsigned first, unsigned last, bool only_mark);

#endif
