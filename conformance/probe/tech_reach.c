/*
 * tech_reach.c - the host's files by ways round: links, the parent's root, dots.
 *
 * `way` says how PATH is spelt; what is done there is reading (its content goes into the receipt,
 * where the harness knows it again) or writing the nonce.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "techniques.h"

enum { SPELT = 1024 };

static void read_at(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    char content[128];
    (void)step;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, content, sizeof content - 1);
    if (got < 0) {
        probe_try_errno(out, errno, "read %s", path);
    } else {
        content[got] = '\0';
        probe_try(out, PROBE_ANSWERED, 0, "%s says %s", path, content);
    }
    if (fd >= 0)
        close(fd);
}

static void write_at(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || !probe_write(fd, step->nonce, PROBE_NONCE))
        probe_try_errno(out, errno, "write %s", path);
    else
        probe_try(out, PROBE_SENT, 0, "wrote %s", path);
    if (fd >= 0)
        close(fd);
}

static void act(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    if (strcmp(probe_param(step, "do", "read"), "write") == 0)
        write_at(step, path, out);
    else
        read_at(step, path, out);
}

/* A link in the shared working directory: who follows it there, on which side? */
static void by_link(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    char link[128];
    snprintf(link, sizeof link, "link-%.32s", step->nonce);
    if (symlink(path, link) != 0)
        probe_try_errno(out, errno, "link to %s", path);
    act(step, link, out);
    unlink(link);
}

static void by_dots(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    char spelt[SPELT];
    snprintf(spelt, sizeof spelt, "../../../../../../../..%s", path);
    act(step, spelt, out);
}

/* Every process in sight may have another root. */
static void by_roots(const struct probe_step *step, const char *path, struct probe_outcome *out)
{
    char spelt[SPELT];
    long pid;
    DIR *proc = opendir("/proc");
    snprintf(spelt, sizeof spelt, "/proc/self/root%s", path);
    act(step, spelt, out);
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
        if (!probe_number(entry->d_name, 1, 1L << 30, &pid))
            continue;
        snprintf(spelt, sizeof spelt, "/proc/%ld/root%s", pid, path);
        act(step, spelt, out);
        snprintf(spelt, sizeof spelt, "/proc/%ld/cwd/../..%s", pid, path);
        act(step, spelt, out);
    }
    if (proc != NULL)
        closedir(proc);
}

/* Descriptors of directories that lead out, this process's own and those in sight. */
static void by_descriptors(const struct probe_step *step, const char *path,
                           struct probe_outcome *out)
{
    char spelt[SPELT];
    for (int fd = 0; fd < 256; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        int found = openat(fd, path + (path[0] == '/'), O_RDONLY | O_CLOEXEC);
        if (found < 0)
            continue;
        close(found);
        snprintf(spelt, sizeof spelt, "/proc/self/fd/%d%s", fd, path);
        act(step, spelt, out);
    }
    int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0 && fchdir(root) == 0)
        act(step, path + (path[0] == '/'), out);
    if (root >= 0)
        close(root);
}

void probe_tech_reach(const struct probe_step *step, struct probe_outcome *out)
{
    static const struct {
        const char *name;
        void (*go)(const struct probe_step *step, const char *path, struct probe_outcome *out);
    } ways[] = {{"plain", act},
                {"link", by_link},
                {"dots", by_dots},
                {"roots", by_roots},
                {"descriptors", by_descriptors}};
    const char *path = probe_param(step, "path", NULL), *way = probe_param(step, "way", "plain");
    for (size_t i = 0; path != NULL && i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].name, way) == 0) {
            ways[i].go(step, path, out);
            return;
        }
    }
    probe_try(out, PROBE_ERROR, EINVAL, "needs path= and way=");
}
