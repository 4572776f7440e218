/* What an earlier launch left behind because launcher and guardian were both killed. */
#include "launcher/runtime_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "launcher/remove_tree.h"

enum { BIRTH_SECONDS = 60 };

/* 8-4-4-4-12 hexadecimal digits: only what we could have made is looked at. */
static bool is_uuid(const char *name)
{
    if (strlen(name) != FIRMA_UUID_SIZE - 1)
        return false;
    for (size_t i = 0; name[i] != '\0'; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? name[i] != '-' : strchr("0123456789abcdef", name[i]) == NULL)
            return false;
    }
    return true;
}

/* A directory between birth and naming may not be locked yet, but is not so for long. */
static bool is_newborn(const char *name, const struct stat *info)
{
    return name[0] == '.' && time(NULL) - info->st_mtime < BIRTH_SECONDS;
}

static bool is_candidate(const char *name)
{
    return is_uuid(strncmp(name, ".new-", 5) == 0 ? name + 5 : name);
}

static bool sweep_one(int root_fd, const char *name)
{
    struct stat info;
    FIRMA_AUTOCLOSE int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0 || info.st_uid != geteuid() || is_newborn(name, &info))
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return false;
    if (faccessat(fd, "kept", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return false;
    return firma_remove_tree(root_fd, name) == 0;
}

int firma_runtime_dir_sweep(int root_fd)
{
    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (list == NULL) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    int swept = 0;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (is_candidate(entry->d_name) && sweep_one(root_fd, entry->d_name))
            swept++;
    }
    closedir(list);
    return swept;
}
