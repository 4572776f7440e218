#include "contract/custody.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/cleanup.h"

/* A directory may be passed through without being readable: ask for no more than that. */
#if defined(O_PATH)
#define OPEN_PASS O_PATH
#elif defined(O_SEARCH)
#define OPEN_PASS O_SEARCH
#else
#define OPEN_PASS O_RDONLY
#endif

enum { MAX_PATH_BYTES = 4096, MAX_LINKS = 40 };

struct walk {
    int dir;
    unsigned links;
    char done[MAX_PATH_BYTES + 1];        /* canonical path of dir; "" is the root */
    char pending[2 * MAX_PATH_BYTES + 2]; /* what is still to be walked */
    char name[MAX_PATH_BYTES + 1];        /* the component being looked at */
};

bool firma_custody_trusts(uid_t owner)
{
    struct stat root;
    return owner == 0 || owner == geteuid() || (stat("/", &root) == 0 && owner == root.st_uid);
}

int firma_custody_directory(int fd, const char *path, struct firma_error *err)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%.400s", path);
    if (!firma_custody_trusts(info.st_uid))
        return firma_fail(err, FIRMA_E_CUSTODY, 0,
                          "%.400s: directory belongs to uid %ld, neither this user nor root", path,
                          (long)info.st_uid);
    if ((info.st_mode & 022) != 0 && (info.st_mode & S_ISVTX) == 0)
        return firma_fail(err, FIRMA_E_CUSTODY, 0,
                          "%.400s: directory is writable by others (mode %04o); use chmod go-w",
                          path, (unsigned)info.st_mode & 07777);
    return 0;
}

/* Makes FD (taken over) the walk's directory once it has passed. */
static int enter(struct walk *walk, int fd, struct firma_error *err)
{
    int result = firma_custody_directory(fd, walk->done[0] != '\0' ? walk->done : "/", err);
    if (result < 0) {
        close(fd);
        return result;
    }
    if (walk->dir >= 0)
        close(walk->dir);
    walk->dir = fd;
    return 0;
}

static int enter_root(struct walk *walk, struct firma_error *err)
{
    walk->done[0] = '\0';
    int fd = open("/", OPEN_PASS | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "/");
    return enter(walk, fd, err);
}

/* Moves the next component from pending to name; false when none is left. "." is dropped. */
static bool take_component(struct walk *walk)
{
    char *rest = walk->pending;
    for (;;) {
        rest += strspn(rest, "/");
        size_t length = strcspn(rest, "/");
        if (length == 0 || length > MAX_PATH_BYTES)
            return false;
        memcpy(walk->name, rest, length);
        walk->name[length] = '\0';
        rest += length;
        if (strcmp(walk->name, ".") != 0)
            break;
    }
    rest += strspn(rest, "/");
    memmove(walk->pending, rest, strlen(rest) + 1);
    return true;
}

static int append_name(struct walk *walk, const char *name, struct firma_error *err)
{
    size_t used = strlen(walk->done);
    size_t length = strlen(name);
    if (used + 1 + length > MAX_PATH_BYTES)
        return firma_fail(err, FIRMA_E_CUSTODY, ENAMETOOLONG, "%.200s...", walk->done);
    walk->done[used] = '/';
    memcpy(walk->done + used + 1, name, length + 1);
    return 0;
}

/* Puts the target of the link walk->name before what is still pending. */
static int follow_link(struct walk *walk, struct firma_error *err)
{
    struct stat info;
    char target[MAX_PATH_BYTES + 1];
    if (fstatat(walk->dir, walk->name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%.400s/%.400s", walk->done, walk->name);
    if (!firma_custody_trusts(info.st_uid))
        return firma_fail(
            err, FIRMA_E_CUSTODY, 0,
            "%.400s/%.400s: symbolic link belongs to uid %ld, neither this user nor root",
            walk->done, walk->name, (long)info.st_uid);
    ssize_t length = readlinkat(walk->dir, walk->name, target, sizeof target);
    if (length < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%.400s/%.400s", walk->done, walk->name);
    size_t rest = strlen(walk->pending);
    if (++walk->links > MAX_LINKS || length == 0 || length > MAX_PATH_BYTES ||
        (size_t)length + 1 + rest >= sizeof walk->pending)
        return firma_fail(err, FIRMA_E_CUSTODY, ELOOP, "%.400s/%.400s", walk->done, walk->name);
    memmove(walk->pending + length + 1, walk->pending, rest + 1);
    memcpy(walk->pending, target, (size_t)length);
    walk->pending[length] = '/';
    return target[0] == '/' ? enter_root(walk, err) : 0;
}

static int enter_parent(struct walk *walk, struct firma_error *err)
{
    char *slash = strrchr(walk->done, '/');
    if (slash == NULL)
        return 0;
    *slash = '\0';
    int fd = openat(walk->dir, "..", OPEN_PASS | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%.400s/..", walk->done);
    return enter(walk, fd, err);
}

/* 1 or 0 (also when there is nothing of that name), or an error. */
static int is_link(const struct walk *walk, struct firma_error *err)
{
    struct stat info;
    if (fstatat(walk->dir, walk->name, &info, AT_SYMLINK_NOFOLLOW) == 0)
        return S_ISLNK(info.st_mode);
    if (errno == ENOENT)
        return 0;
    return firma_fail(err, FIRMA_E_SYSTEM, errno, "%.400s/%.400s", walk->done, walk->name);
}

/* Enters the directory walk->name, or starts on the link of that name. */
static int step(struct walk *walk, struct firma_error *err)
{
    if (strcmp(walk->name, "..") == 0)
        return enter_parent(walk, err);
    int fd = openat(walk->dir, walk->name, OPEN_PASS | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int errnum = errno;
    if (fd < 0 && (errnum == ELOOP || errnum == ENOTDIR) && is_link(walk, err) == 1)
        return follow_link(walk, err);
    if (fd < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errnum, "%.400s/%.400s", walk->done, walk->name);
    int result = append_name(walk, walk->name, err);
    if (result < 0) {
        close(fd);
        return result;
    }
    return enter(walk, fd, err);
}

static int walk_to_last(struct walk *walk, bool follow, struct firma_error *err)
{
    int result = enter_root(walk, err);
    while (result == 0) {
        if (!take_component(walk))
            return firma_fail(err, FIRMA_E_CUSTODY, 0, "%.400s/: names no file", walk->done);
        bool last = walk->pending[0] == '\0';
        if (last && strcmp(walk->name, "..") == 0)
            return firma_fail(err, FIRMA_E_CUSTODY, 0, "%.400s/..: names no file", walk->done);
        int link = last && follow ? is_link(walk, err) : 0;
        if (last && link <= 0)
            return link;
        result = step(walk, err);
    }
    return result;
}

/* Hands the finished walk over to OUT. */
static int conclude(struct walk *walk, struct firma_place *out, struct firma_error *err)
{
    int result = append_name(walk, walk->name, err);
    if (result < 0)
        return result;
    FIRMA_AUTOFREE char *name = strdup(walk->name);
    FIRMA_AUTOFREE char *path = strdup(walk->done);
    if (name == NULL || path == NULL)
        return firma_fail(err, FIRMA_E_MEMORY, 0, "%.400s", walk->name);
    *out = (struct firma_place){.dirfd = walk->dir, .name = name, .path = path};
    walk->dir = -1;
    name = path = NULL;
    return 0;
}

int firma_custody_locate(const char *path, bool follow, struct firma_place *out,
                         struct firma_error *err)
{
    if (path[0] != '/')
        return firma_fail(err, FIRMA_E_CUSTODY, 0, "%.512s: must be an absolute path", path);
    if (strlen(path) > MAX_PATH_BYTES)
        return firma_fail(err, FIRMA_E_CUSTODY, ENAMETOOLONG, "%.200s...", path);
    struct walk walk; /* large: only what is looked at is set */
    walk.dir = -1;
    walk.links = 0;
    memcpy(walk.pending, path, strlen(path) + 1);
    int result = walk_to_last(&walk, follow, err);
    if (result == 0)
        result = conclude(&walk, out, err);
    if (walk.dir >= 0)
        close(walk.dir);
    return result;
}

void firma_place_close(struct firma_place *place)
{
    if (place->dirfd >= 0)
        close(place->dirfd);
    free(place->name);
    free(place->path);
    *place = (struct firma_place){.dirfd = -1};
}

int firma_custody_parents(const char *path, struct firma_error *err)
{
    struct firma_place place = {.dirfd = -1};
    int result = firma_custody_locate(path, true, &place, err);
    if (result == 0)
        firma_place_close(&place);
    return result;
}

int firma_custody_private_dir(int fd, const char *name, struct firma_error *err)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%.400s", name);
    if (!S_ISDIR(info.st_mode))
        return firma_fail(err, FIRMA_E_CUSTODY, 0, "%.400s: is not a directory", name);
    if (info.st_uid != geteuid())
        return firma_fail(err, FIRMA_E_CUSTODY, 0,
                          "%.400s: directory belongs to uid %ld, not to this user", name,
                          (long)info.st_uid);
    if ((info.st_mode & 077) != 0)
        return firma_fail(err, FIRMA_E_CUSTODY, 0,
                          "%.400s: directory is open to others (mode %04o); use chmod 0700", name,
                          (unsigned)info.st_mode & 07777);
    return 0;
}

int firma_custody_file(int fd, const char *name, mode_t forbidden, struct firma_error *err)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return firma_fail(err, FIRMA_E_SYSTEM, errno, "%.400s", name);
    if (!S_ISREG(info.st_mode))
        return firma_fail(err, FIRMA_E_CUSTODY, 0, "%.400s: is not a regular file", name);
    if (!firma_custody_trusts(info.st_uid))
        return firma_fail(err, FIRMA_E_CUSTODY, 0,
                          "%.400s: belongs to uid %ld, neither this user nor root", name,
                          (long)info.st_uid);
    if ((info.st_mode & forbidden) != 0)
        return firma_fail(err, FIRMA_E_CUSTODY, 0, "%.400s: mode %04o is too open; use chmod %s",
                          name, (unsigned)info.st_mode & 07777, forbidden & 044 ? "0600" : "go-w");
    return 0;
}
