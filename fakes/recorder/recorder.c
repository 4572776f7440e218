/*
 * recorder-runner - a runner that runs nothing and remembers everything.
 *
 * It writes how it was started to `recorder.json` in the contract's command.cwd (created, 0600,
 * never overwritten) and exits 0, or N if the command's arguments contain `--exit=N`. It judges
 * nothing: the contract is parsed tolerantly, with nothing of the product's, only to find those two
 * fields.
 *
 *   {"argv": [...], "environment": [...], "descriptors": [...], "signals": {...}, "process": {...},
 *    "limits": {...}, "custody": {"contract", "directory", "contract_bytes", "neighbours",
 *    "proof_bytes", "parents"}}
 *
 * Texts are escaped as recorder.h says.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder.h"

enum { EXIT_FAILED = 125 };

static int fail(const char *what)
{
    fprintf(stderr, "recorder-runner: %s\n", what);
    return EXIT_FAILED;
}

/* Descriptors and signals first, before this program has opened or changed anything. */
static json_t *record(char **argv, const char *contract_path)
{
    json_t *all = json_object();
    json_object_set_new(all, "descriptors", fake_descriptors());
    json_object_set_new(all, "signals", fake_signals());
    json_object_set_new(all, "argv", fake_arguments(argv));
    json_object_set_new(all, "environment", fake_environment());
    json_object_set_new(all, "process", fake_process());
    json_object_set_new(all, "limits", fake_limits());
    json_object_set_new(all, "custody", fake_custody(contract_path));
    return all;
}

static int write_record(const json_t *all, const char *cwd)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/recorder.json", cwd);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int result = json_dumpfd(all, fd, JSON_INDENT(2));
    return close(fd) < 0 ? -1 : result;
}

/* The N of the last `--exit=N` among the command's arguments, else 0. */
static int wanted_exit(const json_t *command)
{
    static const char option[] = "--exit=";
    int status = 0;
    size_t i;
    const json_t *arg;
    json_array_foreach (json_object_get(command, "args"), i, arg) {
        const char *text = json_string_value(arg);
        if (text != NULL && strncmp(text, option, sizeof option - 1) == 0)
            status = (int)strtol(text + sizeof option - 1, NULL, 10);
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3 || strcmp(argv[1], "--launch-contract") != 0)
        return fail("usage: recorder-runner --launch-contract ABSOLUTE_PATH");
    json_t *all = record(argv, argv[2]);
    json_t *contract = json_load_file(argv[2], 0, NULL);
    const json_t *command = json_object_get(contract, "command");
    const char *cwd = json_string_value(json_object_get(command, "cwd"));
    int status = EXIT_FAILED;
    if (cwd == NULL)
        fail("the contract has no command.cwd");
    else if (write_record(all, cwd) < 0)
        fail("cannot write recorder.json in command.cwd");
    else
        status = wanted_exit(command);
    json_decref(contract);
    json_decref(all);
    return status;
}
