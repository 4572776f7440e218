#include "report/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/nonce.h"
#include "report/scope.h"

enum { DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

int cf_rundir_open(const char *dir, int *fd, struct cf_error *err)
{
    int opened = open(dir, DIRECTORY);
    if (opened < 0)
        return cf_fail(err, CF_E_BUNDLE, errno, "%s: run directory", dir);
    *fd = opened;
    return 0;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The COUNT strings, in order, as a new array; NULL when memory is short. */
static json_t *ordered(char **names, size_t count)
{
    json_t *array = json_array();
    if (count > 0)
        qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count && array != NULL; i++) {
        if (json_array_append_new(array, json_string(names[i])) == 0)
            continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name), tail = strlen(suffix);
    return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

/* Appends NAME to the COUNT strings of *NAMES. */
static int keep_name(char ***names, size_t count, const char *name)
{
    char **grown = realloc(*names, (count + 1) * sizeof **names);
    if (grown == NULL)
        return -1;
    *names = grown;
    grown[count] = strdup(name);
    return grown[count] == NULL ? -1 : 0;
}

/* The visible entries of STREAM that end with SUFFIX, sorted; NULL when memory is short. */
static json_t *read_names(DIR *stream, const char *suffix)
{
    char **names = NULL;
    size_t count = 0;
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(stream)) != NULL;) {
        if (entry->d_name[0] == '.' || !ends_with(entry->d_name, suffix))
            continue;
        result = keep_name(&names, count, entry->d_name);
        count += result == 0;
    }
    json_t *array = result == 0 ? ordered(names, count) : NULL;
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return array;
}

/* Opens PATH below DIR with FLAGS, one component at a time, following no link; -1 with errno. */
static int open_below(int dir, const char *path, int flags)
{
    CF_AUTOFREE char *copy = strdup(path);
    CF_AUTOCLOSE int at = copy == NULL ? -1 : fcntl(dir, F_DUPFD_CLOEXEC, 0);
    char *rest = copy;
    for (char *name; at >= 0 && (name = strsep(&rest, "/")) != NULL;) {
        bool last = rest == NULL;
        if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            errno = EINVAL;
            return -1;
        }
        int next = openat(at, name, (last ? flags : DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = next;
    }
    int opened = at;
    at = -1;
    return opened;
}

/* Whether ERRNUM says that there is no such directory: missing, a link, or no proper path. */
static bool is_absence(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == EINVAL;
}

/* What stands in the directory PATH below DIR; empty when PATH is no directory, NULL on failure. */
static json_t *list(int dir, const char *path, const char *suffix)
{
    int fd = open_below(dir, path, DIRECTORY);
    if (fd < 0)
        return is_absence(errno) ? json_array() : NULL;
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        close(fd);
        return NULL;
    }
    json_t *names = read_names(stream, suffix);
    closedir(stream);
    return names;
}

static int add_lab(json_t *files, int dir, const char *launch, const char *lab, const char *suffix)
{
    char path[1024];
    snprintf(path, sizeof path, "launches/%s/%s", launch, lab);
    json_auto_t *names = list(dir, path, suffix);
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        char file[1300];
        snprintf(file, sizeof file, "%s/%s", path, json_string_value(name));
        json_t *entry = json_pack("{s:s, s:s, s:s}", "launch", launch, "lab", lab, "file", file);
        if (json_array_append_new(files, entry) != 0)
            return -1;
    }
    return names == NULL ? -1 : 0;
}

static int add_launch(json_t *files, int dir, const char *launch, const char *suffix)
{
    char path[512];
    snprintf(path, sizeof path, "launches/%s", launch);
    json_auto_t *labs = list(dir, path, "");
    size_t i;
    const json_t *lab;
    json_array_foreach (labs, i, lab)
        if (add_lab(files, dir, launch, json_string_value(lab), suffix) != 0)
            return -1;
    return labs == NULL ? -1 : 0;
}

static int add_all(json_t *files, int dir, const char *suffix)
{
    json_auto_t *launches = list(dir, "launches", "");
    size_t i;
    const json_t *name;
    json_array_foreach (launches, i, name)
        if (add_launch(files, dir, json_string_value(name), suffix) != 0)
            return -1;
    return launches == NULL ? -1 : 0;
}

json_t *cf_rundir_files(int dir, const char *launch, const char *suffix)
{
    json_t *files = json_array();
    if (files == NULL)
        return NULL;
    int result =
        launch == NULL ? add_all(files, dir, suffix) : add_launch(files, dir, launch, suffix);
    if (result == 0)
        return files;
    json_decref(files);
    return NULL;
}

FILE *cf_rundir_read(int dir, const char *path)
{
    /* O_NONBLOCK: a FIFO planted there must not stop us. */
    CF_AUTOCLOSE int fd = open_below(dir, path, O_RDONLY | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return NULL;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return NULL;
    }
    FILE *file = fdopen(fd, "r");
    if (file != NULL)
        fd = -1;
    return file;
}

int cf_rundir_create(int dir, const char *name, struct cf_rundir_output *out, struct cf_error *err)
{
    char nonce[CF_NONCE_TEXT];
    if (cf_nonce(nonce, err) != 0)
        return cf_wrap(err, "%s", name);
    struct cf_rundir_output made = {.dir = dir, .name = name};
    snprintf(made.temporary, sizeof made.temporary, ".%s.%s", name, nonce);
    int fd =
        openat(dir, made.temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "%s: cannot be created", name);
    made.file = fdopen(fd, "w");
    if (made.file == NULL) {
        int saved = errno;
        close(fd);
        unlinkat(dir, made.temporary, 0);
        return cf_fail(err, CF_E_SYSTEM, saved, "%s: cannot be written", name);
    }
    *out = made;
    return 0;
}

void cf_rundir_discard(struct cf_rundir_output *out)
{
    if (out->file != NULL)
        fclose(out->file);
    out->file = NULL;
    unlinkat(out->dir, out->temporary, 0);
}

int cf_rundir_commit(struct cf_rundir_output *out, struct cf_error *err)
{
    bool good = true;
    if (out->file != NULL) {
        good = fflush(out->file) == 0 && !ferror(out->file);
        good = fclose(out->file) == 0 && good;
        out->file = NULL;
    }
    if (!good || fchmodat(out->dir, out->temporary, 0644, 0) != 0 ||
        renameat(out->dir, out->temporary, out->dir, out->name) != 0) {
        int saved = errno;
        cf_rundir_discard(out);
        return cf_fail(err, CF_E_SYSTEM, saved, "%s: cannot be written", out->name);
    }
    return 0;
}
