/*
 * null-runner - the runner that confines nothing.
 *
 * It reads the contract as strictly as any runner and then executes the command on the host, in the
 * contract's working directory and environment. No namespace, no mount, no identity, no filter:
 * every row that says what a guest must not do has to convict it. Because all it does is exec,
 * streams, signals and exit status are the command's own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "firma_contract.h"
#include "runner/guest/guest.h"

static int report(const struct firma_error *err, int status)
{
    fprintf(stderr, "null-runner: %s: %s\n", firma_error_name(err->code), err->text);
    return status;
}

int main(int argc, char **argv)
{
    struct firma_contract contract = {0};
    struct firma_error err = {0};
    if (argc != 3 || strcmp(argv[1], "--launch-contract") != 0 || argv[2][0] != '/') {
        fputs("usage: null-runner --launch-contract ABSOLUTE_PATH\n", stderr);
        return FIRMA_EXIT_RUNNER;
    }
    if (firma_contract_read(argv[2], &contract, &err) < 0)
        return report(&err, FIRMA_EXIT_RUNNER);
    struct firma_guest_words words = {0};
    int status = FIRMA_EXIT_RUNNER;
    if (chdir(contract.cwd) < 0)
        firma_fail(&err, FIRMA_E_SYSTEM, errno, "command.cwd: %.400s", contract.cwd);
    else if (firma_guest_words_make(&contract, &words, &err) == 0)
        status = firma_guest_exec(&contract, &words, &err);
    firma_guest_words_clear(&words);
    firma_contract_clear(&contract);
    return report(&err, status);
}
