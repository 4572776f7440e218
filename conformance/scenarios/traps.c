/* traps.c - finding a trap by its name, and what all of them need. */
#include "scenarios/traps.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct cf_trap *find(const char *name)
{
    const struct cf_trap *const lists[] = {cf_plain_traps, cf_swap_traps};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (const struct cf_trap *trap = lists[i]; trap->name != NULL; trap++)
            if (strcmp(trap->name, name) == 0)
                return trap;
    return NULL;
}

int cf_trap_set(struct cf_trapped *trapped, const struct cf_case *test, struct cf_stage *stage,
                struct cf_start *start, struct cf_error *err)
{
    char name[32];
    *trapped = (struct cf_trapped){.gate = {.listener = -1}, .line = -1, .lock = -1};
    if (!cf_case_how(test, "trap", name, sizeof name))
        return 0;
    trapped->trap = find(name);
    if (trapped->trap == NULL)
        return cf_fail(err, CF_E_SYSTEM, 0, "%s: no trap of this name", name);
    trapped->touched = json_array();
    return trapped->trap->set(stage, trapped, start, err);
}

void cf_trap_spring(struct cf_trapped *trapped, struct cf_stage *stage, struct cf_process *process)
{
    if (trapped->trap != NULL && trapped->trap->spring != NULL)
        trapped->trap->spring(stage, trapped, process);
}

void cf_trap_look(struct cf_trapped *trapped, const struct cf_process *process, json_t *fields)
{
    if (trapped->trap == NULL)
        return;
    if (trapped->trap->look != NULL)
        trapped->trap->look(trapped, process);
    json_object_set(fields, "touched", trapped->touched);
    if (trapped->trap->waits)
        json_object_set_new(fields, "sprung", json_boolean(trapped->sprung));
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)at;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

void cf_trap_clear(struct cf_trapped *trapped)
{
    if (trapped->trap == NULL)
        return;
    cf_gate_close(&trapped->gate);
    if (trapped->bystander > 0) {
        kill(trapped->bystander, SIGKILL);
        waitpid(trapped->bystander, NULL, 0);
    }
    if (trapped->line >= 0)
        close(trapped->line);
    if (trapped->lock >= 0)
        close(trapped->lock);
    for (size_t i = 0; i < sizeof trapped->trap->folders / sizeof trapped->trap->folders[0]; i++)
        if (trapped->trap->folders[i] != NULL)
            nftw(trapped->trap->folders[i], remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    json_decref(trapped->before);
    json_decref(trapped->touched);
    *trapped = (struct cf_trapped){.gate = {.listener = -1}, .line = -1, .lock = -1};
}

int cf_trap_folder(const char *path, mode_t mode, struct cf_error *err)
{
    if (mkdir(path, mode) == 0 && chmod(path, mode) == 0)
        return 0;
    return cf_fail(err, CF_E_SYSTEM, errno, "%s", path);
}

int cf_trap_file(const char *path, const char *text, mode_t mode, struct cf_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));
    int failed = written != (ssize_t)strlen(text) || fchmod(fd, mode) != 0;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    return failed ? cf_fail(err, CF_E_SYSTEM, saved, "%s", path) : 0;
}

void cf_trap_touched(struct cf_trapped *trapped, const char *kind, const char *name)
{
    char text[512];
    int length = snprintf(text, sizeof text, "%s %.400s", kind, name);
    json_array_append_new(trapped->touched,
                          cf_events_data(text, length > 0 ? (size_t)length : 0, sizeof text));
}
