#include "launcher/mount_list.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"

/* The canonical path of directory PATH, malloc'd; NULL with errno. */
static char *canonical_directory(const char *path)
{
    struct stat info;
    char *canonical = realpath(path, NULL);
    if (canonical == NULL)
        return NULL;
    if (stat(canonical, &info) == 0 && S_ISDIR(info.st_mode))
        return canonical;
    free(canonical);
    errno = ENOTDIR;
    return NULL;
}

static int bad(const char *text, const char *what, struct firma_error *err)
{
    return firma_fail(err, FIRMA_E_MOUNT, 0, "--mount %.512s: %s", text, what);
}

/* "SRC:DST" or "SRC:DST:ro", split in place. */
static int split(char *text, const char *whole, char **target, bool *read_only,
                 struct firma_error *err)
{
    char *colon = strchr(text, ':');
    char *second = colon != NULL ? strchr(colon + 1, ':') : NULL;
    if (colon == NULL)
        return bad(whole, "must be SRC:DST or SRC:DST:ro", err);
    if (second != NULL && strcmp(second, ":ro") != 0)
        return bad(whole, "must be SRC:DST or SRC:DST:ro; paths must not hold a colon", err);
    *colon = '\0';
    if (second != NULL)
        *second = '\0';
    *target = colon + 1;
    *read_only = second != NULL;
    if (text[0] != '/' || (*target)[0] != '/')
        return bad(whole, "both paths must be absolute", err);
    return 0;
}

static int add_mount(struct firma_contract *contract, const char *whole, struct firma_error *err)
{
    FIRMA_AUTOFREE char *text = strdup(whole);
    char *target = NULL;
    bool read_only = false;
    if (text == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "--mount");
    int result = split(text, whole, &target, &read_only, err);
    if (result < 0)
        return result;
    FIRMA_AUTOFREE char *source = canonical_directory(text);
    if (source == NULL)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "--mount %.512s: source", whole);
    return firma_contract_add_mount(contract, source, target, read_only, err);
}

static int set_cwd(struct firma_contract *contract, const char *cwd, struct firma_error *err)
{
    FIRMA_AUTOFREE char *canonical = canonical_directory(cwd != NULL ? cwd : ".");
    if (canonical == NULL)
        return firma_fail(err, FIRMA_E_MOUNT, errno, "--cwd %.512s",
                          cwd != NULL ? cwd : "(current directory)");
    return firma_contract_set_text(&contract->cwd, canonical, err);
}

int firma_mount_list_build(struct firma_contract *contract, const struct firma_run_options *options,
                           struct firma_error *err)
{
    int result = set_cwd(contract, options->cwd, err);
    for (size_t i = 0; result == 0 && i < options->mount_count; i++)
        result = add_mount(contract, options->mounts[i], err);
    if (result < 0)
        return result;
    return firma_contract_add_mount(contract, contract->cwd, contract->cwd, false, err);
}
