/*
 * takeover_linux.c - what a lab has of the machine's, read-only and without privileges.
 *
 * What is bound in is also nosuid: a lab of the machine's root maps the owner of its evidence, and
 * a set-uid program must not become that.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/lab_linux.h"

static int bind_in(const char *source, const char *target, struct cf_error *err)
{
    struct mount_attr attributes = {.attr_set =
                                        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    int tree = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return cf_fail(err, CF_E_LAB, errno, "%s cannot be bound in", source);
    int result =
        mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes);
    if (result == 0)
        result = move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
    int saved = errno;
    close(tree);
    return result == 0 ? 0 : cf_fail(err, CF_E_LAB, saved, "%s cannot be bound in", source);
}

static int make_target(const char *path, mode_t type)
{
    if (S_ISDIR(type))
        return mkdir(path, 0755);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return fd < 0 ? -1 : close(fd);
}

/* PATH is the machine's; the lab's is the same without its slash, for the lab's root is the working
 * directory. */
static int take_over(const char *path, bool files, struct cf_error *err)
{
    struct stat state;
    const char *target = path + 1;
    if (lstat(path, &state) != 0)
        return 0;
    if (S_ISLNK(state.st_mode)) {
        char link[4096];
        ssize_t length = readlink(path, link, sizeof link - 1);
        link[length < 0 ? 0 : length] = '\0';
        return symlink(link, target) == 0 ? 0 : cf_fail(err, CF_E_LAB, errno, "%s", path);
    }
    if (!S_ISDIR(state.st_mode) && !(files && S_ISREG(state.st_mode)))
        return 0;
    if (make_target(target, state.st_mode) != 0)
        return cf_fail(err, CF_E_LAB, errno, "%s", path);
    return bind_in(path, target, err);
}

int cf_lab_take_over(const char *folder, bool files, bool (*is_own)(const char *name),
                     struct cf_error *err)
{
    DIR *machine = opendir(folder[0] == '\0' ? "/" : folder);
    if (machine == NULL)
        return cf_fail(err, CF_E_LAB, errno, "%s/", folder);
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(machine)) != NULL) {
        char path[512];
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_own(name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        result = take_over(path, files, err);
    }
    closedir(machine);
    return result;
}
