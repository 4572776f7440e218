/* fds.h - descriptors that must not travel. */
#ifndef FIRMA_FDS_H
#define FIRMA_FDS_H

/* Marks every open descriptor from LOWEST on close-on-exec. For a forked child before exec(2). */
void firma_fds_cloexec_from(int lowest);

/* Closes every open descriptor from LOWEST on, except the KEEP_COUNT ones in KEEP (-1: skipped).
 * For a forked child that stays. */
void firma_fds_close_except(int lowest, const int *keep, int keep_count);

/* Makes sure that 0, 1 and 2 are open (on /dev/null if they were not), so that no descriptor of
 * ours is ever mistaken for one of them. 0 or -1. */
int firma_fds_fill_standard(void);

/* Points 0, 1 and 2 at /dev/null. 0 or -1. */
int firma_fds_release_standard(void);

#endif
