/* A runner that confines nothing: runs the contract's command on the host. With the variable DUMP
 * in the command's environment it first writes its own environment, argument count and descriptors
 * to that file. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "firma_contract.h"

extern char **environ;

static void dump(const char *path, int argc, char **argv)
{
    DIR *list = opendir("/dev/fd");
    FILE *file = fopen(path, "w");
    if (file == NULL || list == NULL)
        _exit(99);
    fprintf(file, "args %d %s\n", argc, argv[1]);
    for (char **entry = environ; *entry != NULL; entry++)
        fprintf(file, "env %s\n", *entry);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(list) && fd != fileno(file))
            fprintf(file, "fd %d\n", fd);
    }
    fclose(file);
    closedir(list);
}

int main(int argc, char **argv)
{
    struct firma_contract contract = {0};
    struct firma_error err = {0};
    if (argc != 3 || firma_contract_read(argv[2], &contract, &err) < 0) {
        fprintf(stderr, "unit_runner: %s\n", err.text);
        return 98;
    }
    const char *path = firma_contract_env(&contract, "DUMP");
    if (path != NULL)
        dump(path, argc, argv);
    char *words[FIRMA_MAX_ARGS + 2] = {contract.executable};
    char *variables[FIRMA_MAX_ENV + 1] = {NULL};
    for (size_t i = 0; i < contract.arg_count; i++)
        words[i + 1] = contract.args[i];
    for (size_t i = 0; i < contract.env_count; i++) {
        if (asprintf(&variables[i], "%s=%s", contract.env[i].name, contract.env[i].value) < 0)
            return 98;
    }
    if (chdir(contract.cwd) < 0)
        return 98;
    execve(contract.executable, words, variables);
    _exit(errno == ENOENT ? 127 : 126); /* no leak check for what execve() would have freed */
}
