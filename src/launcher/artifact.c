#include "launcher/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "contract/cleanup.h"
#include "contract/custody.h"
#include "launcher/flags.h"

static const char *const variables[FIRMA_ARTIFACTS] = {
    [FIRMA_RUNNER] = "FIRMA_RUN_VZ_GUEST_RUNNER",
    [FIRMA_KERNEL] = "FIRMA_RUN_VZ_GUEST_KERNEL",
    [FIRMA_INITRD] = "FIRMA_RUN_VZ_GUEST_INITRD",
    [FIRMA_ROOTFS] = "FIRMA_RUN_VZ_GUEST_ROOTFS",
};

const char *firma_artifact_variable(enum firma_artifact_role role)
{
    return variables[role];
}

/* Everything that goes wrong with an artifact is told as one: the variable first. */
static int blame(struct firma_error *err, const char *name)
{
    firma_wrap(err, "%s", name);
    if (err != NULL && err->code != FIRMA_E_MEMORY)
        err->code = FIRMA_E_ARTIFACT;
    return err != NULL ? -err->code : -FIRMA_E_ARTIFACT;
}

/* Reading is asked for first because "#!" decides how it is run; a file that may only be executed
 * is opened for that alone where the system can. O_NONBLOCK: a FIFO must not hang us. */
static int open_file(const struct firma_place *place)
{
    int flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = openat(place->dirfd, place->name, O_RDONLY | flags);
#if defined(O_PATH)
    if (fd < 0 && errno == EACCES)
        fd = openat(place->dirfd, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
#endif
    return fd;
}

/* What was opened for execution alone cannot be read, and is no script. -1 and errno otherwise. */
static int starts_as_script(int fd)
{
    char magic[2];
    ssize_t got = pread(fd, magic, sizeof magic, 0);
    if (got < 0)
        return errno == EBADF ? 0 : -1;
    return got == (ssize_t)sizeof magic && magic[0] == '#' && magic[1] == '!';
}

static int check_type(const struct stat *info, const char *path, struct firma_error *err)
{
    if (S_ISREG(info->st_mode))
        return 0;
    const char *what = S_ISDIR(info->st_mode)    ? "a directory"
                       : S_ISFIFO(info->st_mode) ? "a FIFO"
                       : S_ISSOCK(info->st_mode) ? "a socket"
                                                 : "a device";
    return firma_fail(err, FIRMA_E_ARTIFACT, 0, "%s: is %s, not a regular file", path, what);
}

static int inspect(struct firma_artifact *out, const struct firma_place *place, bool executable,
                   struct firma_error *err)
{
    FIRMA_AUTOCLOSE int fd = open_file(place);
    struct stat info;
    /* A socket cannot be opened at all; the name tells what it is. */
    if (fd < 0 && fstatat(place->dirfd, place->name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISREG(info.st_mode))
        return check_type(&info, place->path, err);
    if (fd < 0 || fstat(fd, &info) < 0)
        return firma_fail(err, FIRMA_E_ARTIFACT, errno, "%s", place->path);
    int result = check_type(&info, place->path, err);
    if (result == 0)
        result = firma_custody_file(fd, place->path, 022, err);
    if (result < 0)
        return result;
    if (executable && faccessat(place->dirfd, place->name, X_OK, AT_EACCESS) < 0)
        return firma_fail(err, FIRMA_E_ARTIFACT, errno,
                          "%s: is not executable by this user (use chmod +x)", place->path);
    if (executable && (info.st_mode & (S_ISUID | S_ISGID)) != 0)
        return firma_fail(err, FIRMA_E_ARTIFACT, 0,
                          "%s: would run with rights of its file's owner (use chmod ug-s)",
                          place->path);
    int is_script = executable ? starts_as_script(fd) : 0;
    if (is_script < 0)
        return firma_fail(err, FIRMA_E_ARTIFACT, errno, "%s", place->path);
    out->identity = info;
    out->is_script = is_script == 1;
    out->fd = fd;
    fd = -1;
    return 0;
}

/* "FILE/" and "FILE/." are no names of a file to whoever opens them as they were given. */
static bool is_directory_name(const char *path)
{
    const char *last = strrchr(path, '/') + 1;
    return last[0] == '\0' || strcmp(last, ".") == 0;
}

int firma_artifact_open(struct firma_artifact *out, const char *name, const char *path,
                        bool executable, struct firma_error *err)
{
    if (path == NULL || path[0] == '\0')
        return firma_fail(err, FIRMA_E_ARTIFACT, 0, "%s: is not set; give an absolute path", name);
    if (path[0] != '/')
        return firma_fail(err, FIRMA_E_ARTIFACT, 0, "%s: %s: must be an absolute path", name, path);
    if (is_directory_name(path))
        return firma_fail(err, FIRMA_E_ARTIFACT, 0,
                          "%s: %.512s: names a directory; leave out what follows the file's name",
                          name, path);
    struct firma_place place;
    if (firma_custody_locate(path, true, &place, err) < 0)
        return blame(err, name);
    struct firma_artifact found = {.fd = -1, .path = strdup(path)};
    int result = inspect(&found, &place, executable, err);
    if (result == 0 && found.path == NULL)
        result = firma_fail(err, FIRMA_E_MEMORY, 0, "%s", path);
    if (result < 0)
        result = blame(err, name);
    if (result == 0) {
        found.canonical = place.path;
        place.path = NULL;
        *out = found;
    } else {
        firma_artifact_close(&found);
    }
    firma_place_close(&place);
    return result;
}

int firma_artifacts_open(struct firma_artifact *out, char *const *environment,
                         struct firma_error *err)
{
    struct firma_artifact found[FIRMA_ARTIFACTS] = {0};
    for (int role = 0; role < FIRMA_ARTIFACTS; role++) {
        int result = firma_artifact_open(&found[role], variables[role],
                                         firma_environment_get(environment, variables[role]),
                                         role == FIRMA_RUNNER, err);
        if (result < 0) {
            while (role-- > 0)
                firma_artifact_close(&found[role]);
            return result;
        }
    }
    memcpy(out, found, sizeof found);
    return 0;
}

static bool same_instant(const struct stat *a, const struct stat *b)
{
#if defined(__APPLE__)
    return a->st_ctimespec.tv_sec == b->st_ctimespec.tv_sec &&
           a->st_ctimespec.tv_nsec == b->st_ctimespec.tv_nsec;
#else
    return a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
#endif
}

bool firma_artifact_unchanged(const struct firma_artifact *artifact)
{
    struct stat now;
    return lstat(artifact->canonical, &now) == 0 && now.st_dev == artifact->identity.st_dev &&
           now.st_ino == artifact->identity.st_ino && now.st_size == artifact->identity.st_size &&
           same_instant(&now, &artifact->identity);
}

void firma_artifact_close(struct firma_artifact *artifact)
{
    if (artifact->fd >= 0)
        close(artifact->fd);
    free(artifact->path);
    free(artifact->canonical);
    *artifact = (struct firma_artifact){.fd = -1};
}
