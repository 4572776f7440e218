/* idmap_linux.c - who is who in a lab; user_namespaces(7). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lab_linux.h"

/* Far above what distributions hand out to people, services and their subordinate ranges. */
enum { SHIFT_BASE = 1879000000 };

static const char *const UID_HELPERS[] = {"/usr/bin/newuidmap", "/bin/newuidmap", NULL};
static const char *const GID_HELPERS[] = {"/usr/bin/newgidmap", "/bin/newgidmap", NULL};

static const char *find_helper(const char *const *paths)
{
    while (*paths != NULL && access(*paths, X_OK) != 0)
        paths++;
    return *paths;
}

/* Whether COUNT ids from FIRST exist in this process's own user namespace. */
static bool ids_exist(const char *map, unsigned long first, unsigned long count)
{
    FILE *file = fopen(map, "re");
    unsigned long inside, outside, length;
    bool found = false;
    while (file != NULL && !found && fscanf(file, "%lu %lu %lu", &inside, &outside, &length) == 3)
        found = first >= inside && first + count <= inside + length;
    if (file != NULL)
        fclose(file);
    return found;
}

static bool ids_exist_both(unsigned long first, unsigned long count)
{
    return ids_exist("/proc/self/uid_map", first, count) &&
           ids_exist("/proc/self/gid_map", first, count);
}

/* The first subordinate id of this user, or 0; subuid(5). */
static unsigned long subordinate(const char *path)
{
    const struct passwd *user = getpwuid(getuid());
    char number[16], line[256];
    snprintf(number, sizeof number, "%u", getuid());
    FILE *file = fopen(path, "re");
    unsigned long first = 0;
    while (file != NULL && first == 0 && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        unsigned long start, count;
        if (colon == NULL || sscanf(colon + 1, "%lu:%lu", &start, &count) != 2 || count == 0)
            continue;
        *colon = '\0';
        if (strcmp(line, number) == 0 || (user != NULL && strcmp(line, user->pw_name) == 0))
            first = start;
    }
    if (file != NULL)
        fclose(file);
    return first;
}

bool cf_lab_has_second_user(void)
{
    if (geteuid() == 0)
        return ids_exist_both(SHIFT_BASE, CF_LAB_SECOND_UID + 1) ||
               ids_exist_both(CF_LAB_SECOND_UID, 1);
    return find_helper(UID_HELPERS) != NULL && find_helper(GID_HELPERS) != NULL &&
           subordinate("/etc/subuid") != 0 && subordinate("/etc/subgid") != 0;
}

/* Groups beyond the primary one stay with a process whose namespace may not call setgroups(2). */
static bool has_more_groups(void)
{
    gid_t groups[1024];
    int count = getgroups((int)(sizeof groups / sizeof groups[0]), groups);
    for (int i = 0; i < count; i++)
        if (groups[i] != getegid())
            return true;
    return count < 0;
}

bool cf_lab_keeps_groups(void)
{
    return geteuid() != 0 && has_more_groups() && !cf_lab_has_second_user();
}

static void plan_map(char map[160], unsigned long zero, unsigned long second, long owner)
{
    int used = snprintf(map, 160, "0 %lu 1\n", zero);
    if (second != 0)
        used += snprintf(map + used, 160 - (size_t)used, "%d %lu 1\n", CF_LAB_SECOND_UID, second);
    if (owner >= 0)
        snprintf(map + used, 160 - (size_t)used, "%d %ld 1\n", CF_LAB_OWNER_UID, owner);
}

static int plan_shifted(struct cf_lab_ids *ids, const struct cf_lab_config *config,
                        struct cf_error *err)
{
    struct stat folder;
    bool evidence = config->evidence_fd >= 0;
    if (evidence && fstat(config->evidence_fd, &folder) != 0)
        return cf_fail(err, CF_E_SYSTEM, errno, "the evidence folder");
    ids->shifted = true;
    ids->shifted_uid = ids->shifted_gid = SHIFT_BASE;
    ids->owner_uid = evidence ? folder.st_uid : 0;
    ids->owner_gid = evidence ? folder.st_gid : 0;
    unsigned long second = config->second_user ? SHIFT_BASE + CF_LAB_SECOND_UID : 0;
    plan_map(ids->uid_map, SHIFT_BASE, second, evidence ? (long)folder.st_uid : -1);
    plan_map(ids->gid_map, SHIFT_BASE, second, evidence ? (long)folder.st_gid : -1);
    return 0;
}

int cf_lab_ids_plan(struct cf_lab_ids *ids, const struct cf_lab_config *config,
                    struct cf_error *err)
{
    memset(ids, 0, sizeof *ids);
    bool root = geteuid() == 0;
    if (config->second_user && !cf_lab_has_second_user())
        return cf_fail(err, CF_E_LAB, 0,
                       "a second user cannot be mapped here: it takes root, or newuidmap and "
                       "newgidmap with ranges in /etc/subuid and /etc/subgid");
    /* newgidmap(1) leaves setgroups(2) allowed where it maps a subordinate id. */
    bool second = config->second_user || (!root && has_more_groups() && cf_lab_has_second_user());
    ids->set_groups = root || second;
    ids->helper = !root && second;
    if (root && ids_exist_both(SHIFT_BASE, CF_LAB_SECOND_UID + 1))
        return plan_shifted(ids, config, err);
    unsigned long uid = 0, gid = 0;
    if (second) {
        uid = root ? CF_LAB_SECOND_UID : subordinate("/etc/subuid");
        gid = root ? CF_LAB_SECOND_UID : subordinate("/etc/subgid");
    }
    plan_map(ids->uid_map, geteuid(), uid, -1);
    plan_map(ids->gid_map, getegid(), gid, -1);
    return 0;
}

static int write_map(pid_t pid, const char *file, const char *text, struct cf_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    if (cf_lab_put(path, text) == 0)
        return 0;
    int saved = errno;
    return cf_fail(err, CF_E_LAB, saved,
                   "%s: user namespaces are restricted here (see "
                   "kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces)",
                   path);
}

/* newuidmap(1): PID, then the map's numbers one by one. */
static int run_helper(const char *program, pid_t pid, const char *map, struct cf_error *err)
{
    char numbers[160], process[16];
    const char *argv[12] = {program, process};
    size_t count = 2;
    char *rest = NULL;
    snprintf(numbers, sizeof numbers, "%s", map);
    snprintf(process, sizeof process, "%d", (int)pid);
    for (char *word = strtok_r(numbers, " \n", &rest); word != NULL && count < 11;
         word = strtok_r(NULL, " \n", &rest))
        argv[count++] = word;
    argv[count] = NULL;
    return cf_lab_run(program, argv, "", err);
}

int cf_lab_ids_write(const struct cf_lab_ids *ids, pid_t pid, struct cf_error *err)
{
    if (ids->helper) {
        int result = run_helper(find_helper(UID_HELPERS), pid, ids->uid_map, err);
        return result != 0 ? result : run_helper(find_helper(GID_HELPERS), pid, ids->gid_map, err);
    }
    int result = ids->set_groups ? 0 : write_map(pid, "setgroups", "deny", err);
    if (result == 0)
        result = write_map(pid, "uid_map", ids->uid_map, err);
    return result != 0 ? result : write_map(pid, "gid_map", ids->gid_map, err);
}

void cf_lab_ids_return(const struct cf_lab_ids *ids, int evidence_fd)
{
    int copy =
        ids->shifted && evidence_fd >= 0 ? openat(evidence_fd, ".", O_RDONLY | O_CLOEXEC) : -1;
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    struct stat state;
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (fstatat(evidence_fd, entry->d_name, &state, AT_SYMLINK_NOFOLLOW) == 0 &&
            state.st_uid == ids->shifted_uid &&
            fchownat(evidence_fd, entry->d_name, ids->owner_uid, ids->owner_gid,
                     AT_SYMLINK_NOFOLLOW) != 0)
            break;
    if (folder != NULL)
        closedir(folder);
}
