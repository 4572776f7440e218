/* wraps.h - programs that a case is started by, in both legs, to find the world other than usual.
 */
#ifndef CF_WRAPS_H
#define CF_WRAPS_H

/* The words of the wrapper called NAME, NULL-terminated; NULL when there is none of that name. */
const char *const *cf_wrapper(const char *name);

#endif
