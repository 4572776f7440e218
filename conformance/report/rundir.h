/*
 * rundir.h - a run directory: its evidence read, its reports written, nothing outside it touched.
 *
 * Below the directory itself every name is opened relative to its parent with O_NOFOLLOW, so a
 * link planted there leads nowhere.
 */
#ifndef CF_REPORT_RUNDIR_H
#define CF_REPORT_RUNDIR_H

#include <jansson.h>
#include <stdio.h>

#include "base/error.h"

/* A descriptor for DIR, the caller's to close; -CF_E_BUNDLE when it cannot be opened. */
int cf_rundir_open(const char *dir, int *fd, struct cf_error *err);

/* The files launches/LAUNCH/LAB/NAME whose name ends with SUFFIX, by path: a new array of
 * {"launch","lab","file"}, `file` relative to the directory. LAUNCH NULL: of every launch. Empty
 * when there is none; NULL when a directory cannot be read or memory is short. */
json_t *cf_rundir_files(int dir, const char *launch, const char *suffix);

/* Opens the regular file PATH, relative to DIR, for reading; NULL with errno set. */
FILE *cf_rundir_read(int dir, const char *path);

/* A report on its way: a temporary file until cf_rundir_commit() gives it its name. */
struct cf_rundir_output {
    int dir;          /* borrowed */
    const char *name; /* borrowed */
    char temporary[96];
    FILE *file; /* NULL once it was closed by somebody else, who checked for errors */
};

int cf_rundir_create(int dir, const char *name, struct cf_rundir_output *out, struct cf_error *err);
/* Closes the file and moves it into place, or removes it and fails. */
int cf_rundir_commit(struct cf_rundir_output *out, struct cf_error *err);
void cf_rundir_discard(struct cf_rundir_output *out);

#endif
