#include "launcher/remove_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 16 };

static int remove_entry(int parent, const char *name, dev_t device, int depth);

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Takes FD over. */
static void empty_directory(int fd, dev_t device, int depth)
{
    DIR *list = fdopendir(fd);
    if (list == NULL) {
        close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (!is_dots(entry->d_name))
            remove_entry(fd, entry->d_name, device, depth + 1);
    }
    closedir(list);
}

static int remove_entry(int parent, const char *name, dev_t device, int depth)
{
    struct stat info;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return unlinkat(parent, name, 0);
    if (depth >= MAX_DEPTH || fstat(fd, &info) < 0 || info.st_dev != device) {
        close(fd);
        return -1;
    }
    empty_directory(fd, device, depth);
    return unlinkat(parent, name, AT_REMOVEDIR);
}

int firma_remove_tree(int parent, const char *name)
{
    struct stat info;
    if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    return remove_entry(parent, name, info.st_dev, 0);
}
