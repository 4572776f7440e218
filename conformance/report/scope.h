/* scope.h - scope-bound release of memory, descriptors and streams (GNU cleanup attribute). */
#ifndef CF_REPORT_SCOPE_H
#define CF_REPORT_SCOPE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cf_scope_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cf_scope_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cf_scope_fclose(FILE *const *file)
{
    if (*file != NULL)
        fclose(*file);
}

#define CF_AUTOFREE  __attribute__((cleanup(cf_scope_free)))
#define CF_AUTOCLOSE __attribute__((cleanup(cf_scope_close)))
#define CF_AUTOFILE  __attribute__((cleanup(cf_scope_fclose)))

#endif
