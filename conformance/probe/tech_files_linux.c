/* tech_files_linux.c - mounts and other processes. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "techniques.h"

static bool remount(const char *path, unsigned long flags, const char *kind,
                    struct probe_outcome *out)
{
    if (mount(NULL, path, NULL, flags, NULL) == 0) {
        probe_try(out, PROBE_ERROR, 0, "%s remount of %s succeeded", kind, path);
        return true;
    }
    probe_try_errno(out, errno, "%s remount of %s", kind, path);
    return false;
}

/* PATH may lie anywhere below the mount: its parents are tried one after the other. */
void probe_remount(const char *path, struct probe_outcome *out)
{
    char at[1024];
    snprintf(at, sizeof at, "%s", path);
    for (int depth = 0; depth < 3; depth++) {
        if (remount(at, MS_REMOUNT | MS_BIND, "bind", out) || remount(at, MS_REMOUNT, "plain", out))
            return;
        char *slash = strrchr(at, '/');
        if (slash == NULL || slash == at)
            return;
        *slash = '\0';
    }
}

static pid_t parent_of(pid_t pid)
{
    char path[64], line[512] = "";
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *stat = fopen(path, "re");
    if (stat == NULL)
        return 0;
    const char *end = fgets(line, sizeof line, stat) == NULL ? NULL : strrchr(line, ')');
    if (end == NULL || sscanf(end + 1, " %*c %d", &parent) != 1)
        parent = 0;
    fclose(stat);
    return parent;
}

static bool is_ancestor(pid_t pid)
{
    pid_t at = getpid();
    for (int depth = 0; at > 0 && depth < 64; depth++, at = parent_of(at)) {
        if (at == pid)
            return true;
    }
    return false;
}

/* Signal 0: nothing is harmed, permission is all that is asked for. */
void probe_tech_kill_others(const struct probe_step *step, struct probe_outcome *out)
{
    DIR *proc = opendir("/proc");
    long visible = 0, reachable = 0, pid;
    (void)step;
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
        if (!probe_number(entry->d_name, 1, 1L << 30, &pid) || is_ancestor((pid_t)pid))
            continue;
        visible++;
        reachable += kill((pid_t)pid, 0) == 0;
    }
    if (proc != NULL)
        closedir(proc);
    if (reachable > 0)
        probe_try(out, PROBE_ANSWERED, 0, "%ld other processes visible, %ld could be signalled",
                  visible, reachable);
    else
        probe_try_errno(out, ESRCH, "%ld other processes visible, none could be signalled",
                        visible);
}
