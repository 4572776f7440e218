/* Who else could have put a socket where the operator says that the sidecar's is? */
#include "launcher/sidecar.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "contract/cleanup.h"
#include "contract/custody.h"

/* PATH from its first byte to END stands in the directory FOLDER, whose state INFO is. In a sticky
 * one nobody can exchange it, but anybody may have been the first. */
static int check_entry(char *path, char *end, const struct stat *info, struct firma_error *err)
{
    struct stat entry;
    char kept = *end;
    if ((info->st_mode & 022) == 0)
        return 0;
    if ((info->st_mode & S_ISVTX) == 0)
        return firma_fail(err, FIRMA_E_CUSTODY, 0,
                          "%.400s: stands in a directory that is writable by others (mode %04o); "
                          "use chmod go-w there",
                          path, (unsigned)info->st_mode & 07777);
    *end = '\0';
    bool foreign = lstat(path, &entry) == 0 && !firma_custody_trusts(entry.st_uid);
    int result = foreign ? firma_fail(err, FIRMA_E_CUSTODY, 0,
                                      "%.400s: belongs to uid %ld, neither this user nor root, and "
                                      "anybody could have put it there",
                                      path, (long)entry.st_uid)
                         : 0;
    *end = kept;
    return result;
}

/* Every step of PATH, which is absolute; cut up and put together again. */
static int check_way(char *path, struct firma_error *err)
{
    int result = 0;
    for (char *slash = path; slash != NULL && result == 0;) {
        struct stat info;
        char *next = strchr(slash + 1, '/');
        char kept = slash[1];
        slash[1] = '\0';
        bool exists = stat(path, &info) == 0;
        slash[1] = kept;
        if (!exists)
            return 0; /* whoever dials says so */
        result = check_entry(path, next != NULL ? next : path + strlen(path), &info, err);
        slash = next;
    }
    return result;
}

int firma_sidecar_check_place(const char *path, struct firma_error *err)
{
    FIRMA_AUTOFREE char *given = strdup(path);
    FIRMA_AUTOFREE char *real = realpath(path, NULL);
    if (given == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "sidecar");
    int result = check_way(given, err);
    return result == 0 && real != NULL ? check_way(real, err) : result;
}
