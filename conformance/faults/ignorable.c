/* The list of failures that a launch may go on after: data with reasons, held against the calls
 * that may never be in it. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

struct entry {
    char role[24], call[40], detail[80], reason[200];
};

struct fault_ignorable {
    size_t count;
    struct entry entries[256];
};

static bool parse(char *line, struct entry *out)
{
    char *fields[3], *save = NULL;
    for (size_t i = 0; i < 3; i++)
        if ((fields[i] = strtok_r(i == 0 ? line : NULL, "\t\n", &save)) == NULL)
            return false;
    char *detail = strchr(fields[1], ':');
    if (detail != NULL)
        *detail++ = '\0';
    snprintf(out->role, sizeof out->role, "%s", fields[0]);
    snprintf(out->call, sizeof out->call, "%s", fields[1]);
    snprintf(out->detail, sizeof out->detail, "%s", detail != NULL ? detail : "*");
    snprintf(out->reason, sizeof out->reason, "%s", fields[2]);
    return true;
}

/* These find another way to the same, and what the command has shows whether it led there. */
static bool has_another_way(const struct entry *entry)
{
    return strcmp(entry->call, "close_range") == 0 &&
           (strcmp(entry->role, "guardian") == 0 || strcmp(entry->role, "spawn") == 0);
}

/* A pattern must not reach a vital use of a call either. */
static bool is_vital(const struct entry *entry)
{
    static const char *const uses[] = {"",
                                       "NO_NEW_PRIVS",
                                       "PDEATHSIG",
                                       "SUBREAPER",
                                       "DUMPABLE",
                                       "CAPBSET_DROP",
                                       "CAP_AMBIENT",
                                       "SETFD",
                                       "SIFFLAGS",
                                       "/proc/self/uid_map",
                                       "/proc/self/gid_map",
                                       "/proc/self/setgroups",
                                       "vz-guest-launch.json"};
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
        if (fnmatch(entry->detail, uses[i], 0) == 0 && fault_call_is_vital(entry->call, uses[i]))
            return true;
    return fault_call_is_vital(entry->call, "");
}

static bool take(struct fault_ignorable *list, char *line, unsigned number, const char *path)
{
    struct entry *entry = &list->entries[list->count];
    const char *wrong = NULL;
    if (line[0] == '#' || line[0] == '\n')
        return true;
    if (list->count == sizeof list->entries / sizeof list->entries[0])
        wrong = "too many lines";
    else if (!parse(line, entry))
        wrong = "needs role, call and reason, tabs between";
    else if (strcmp(entry->role, "*") != 0 && fault_role_find(entry->role) < 0 &&
             strncmp(entry->role, "firma-", 6) != 0)
        wrong = "no such role";
    else if (is_vital(entry) && !has_another_way(entry))
        wrong = "a guest depends on this call; its failure may not be ignored";
    list->count++;
    if (wrong != NULL)
        fprintf(stderr, "faults: %s:%u: %s\n", path, number, wrong);
    return wrong == NULL;
}

struct fault_ignorable *fault_ignorable_read(const char *path)
{
    char line[512];
    FILE *file = fopen(path, "re");
    struct fault_ignorable *list = calloc(1, sizeof *list);
    bool good = file != NULL && list != NULL;
    if (!good)
        perror(path);
    for (unsigned number = 1; good && fgets(line, sizeof line, file) != NULL; number++)
        good = take(list, line, number, path);
    if (file != NULL)
        fclose(file);
    if (good)
        return list;
    free(list);
    return NULL;
}

const char *fault_ignorable_reason(const struct fault_ignorable *list, const char *role,
                                   const char *call, const char *detail)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->entries[i];
        if ((strcmp(entry->role, "*") == 0 || strcmp(entry->role, role) == 0) &&
            strcmp(entry->call, call) == 0 && fnmatch(entry->detail, detail, 0) == 0)
            return entry->reason;
    }
    return NULL;
}

size_t fault_ignorable_count(const struct fault_ignorable *list)
{
    return list->count;
}

void fault_ignorable_free(struct fault_ignorable *list)
{
    free(list);
}
