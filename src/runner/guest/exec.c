/*
 * The exec, by the contract's words alone: its arguments, its environment, its PATH. execvp(3) is
 * of no use here, because it searches the caller's PATH and hands unknown files to a shell.
 *
 * The exit statuses are those of env(1) and every shell: 127 for a command that does not exist, 126
 * for one that does and cannot be executed (a script with a missing interpreter included, although
 * execve(2) says ENOENT for both).
 */
#include "runner/guest/guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

static char *join_pair(const struct firma_pair *pair)
{
    size_t size = strlen(pair->name) + strlen(pair->value) + 2;
    char *text = malloc(size);
    if (text != NULL)
        snprintf(text, size, "%s=%s", pair->name, pair->value);
    return text;
}

/* Stops at the first one that there is no memory for. */
static char **make_environment(const struct firma_contract *contract, bool *complete)
{
    char **list = calloc(contract->env_count + 1, sizeof *list);
    *complete = list != NULL;
    for (size_t i = 0; *complete && i < contract->env_count; i++) {
        list[i] = join_pair(&contract->env[i]);
        *complete = list[i] != NULL;
    }
    return list;
}

/* The array is ours, the strings stay the contract's. */
static char **make_arguments(const struct firma_contract *contract)
{
    char **list = calloc(contract->arg_count + 2, sizeof *list);
    if (list == NULL)
        return NULL;
    list[0] = contract->executable;
    for (size_t i = 0; i < contract->arg_count; i++)
        list[i + 1] = contract->args[i];
    return list;
}

/* Tries one file; returns the exit status its failure stands for. */
static int try_file(const char *file, char **arguments, char **environment, int *errnum)
{
    execve(file, arguments, environment);
    *errnum = errno;
    bool absent = *errnum == ENOENT || *errnum == ENOTDIR;
    return absent && access(file, F_OK) < 0 ? FIRMA_EXIT_MISSING : FIRMA_EXIT_UNRUNNABLE;
}

/* Tries NAME in each directory of PATH. A file that cannot be executed is remembered and the search
 * goes on, as in every shell. */
static int search_path(const char *name, const char *path, char **arguments, char **environment,
                       int *errnum)
{
    int status = FIRMA_EXIT_MISSING;
    *errnum = ENOENT;
    for (const char *entry = path; entry != NULL;) {
        size_t length = strcspn(entry, ":");
        char file[FIRMA_MAX_ENV_VALUE + FIRMA_MAX_ARG + 3];
        snprintf(file, sizeof file, "%.*s/%s", length > 0 ? (int)length : 1,
                 length > 0 ? entry : ".", name);
        int why = 0;
        if (try_file(file, arguments, environment, &why) == FIRMA_EXIT_UNRUNNABLE &&
            status == FIRMA_EXIT_MISSING) {
            status = FIRMA_EXIT_UNRUNNABLE;
            *errnum = why;
        }
        entry = entry[length] == ':' ? entry + length + 1 : NULL;
    }
    return status;
}

void firma_guest_words_clear(struct firma_guest_words *words)
{
    for (size_t i = 0; words->environment != NULL && words->environment[i] != NULL; i++)
        free(words->environment[i]);
    free(words->environment);
    free(words->arguments);
    *words = (struct firma_guest_words){0};
}

int firma_guest_words_make(const struct firma_contract *contract, struct firma_guest_words *out,
                           struct firma_error *err)
{
    bool complete = false;
    struct firma_guest_words made = {.arguments = make_arguments(contract)};
    made.environment = make_environment(contract, &complete);
    if (made.arguments != NULL && complete) {
        *out = made;
        return 0;
    }
    firma_guest_words_clear(&made);
    return firma_fail(err, FIRMA_E_MEMORY, 0, "command: out of memory");
}

int firma_guest_exec(const struct firma_contract *contract, const struct firma_guest_words *words,
                     struct firma_error *err)
{
    const char *name = contract->executable;
    const char *path = firma_contract_env(contract, "PATH");
    int errnum = 0;
    int status = strchr(name, '/') != NULL
                     ? try_file(name, words->arguments, words->environment, &errnum)
                     : search_path(name, path != NULL ? path : DEFAULT_PATH, words->arguments,
                                   words->environment, &errnum);
    firma_fail(err, FIRMA_E_SPAWN, errnum, "%.800s", name);
    return status;
}
