/* cleanup.h - scope-bound release of memory and descriptors (GNU cleanup attribute). */
#ifndef FIRMA_CLEANUP_H
#define FIRMA_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void firma_cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void firma_cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define FIRMA_AUTOFREE  __attribute__((cleanup(firma_cleanup_free)))
#define FIRMA_AUTOCLOSE __attribute__((cleanup(firma_cleanup_close)))

#endif
