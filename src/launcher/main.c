/* firma-run: a table of contents. */
#include <stdio.h>
#include <string.h>

#include "launcher/cli.h"
#include "launcher/fds.h"

extern char **environ;

static int verb_help(char **words, char *const *environment)
{
    (void)words;
    (void)environment;
    firma_cli_help(stdout);
    return firma_cli_print("", "");
}

static int verb_version(char **words, char *const *environment)
{
    (void)words;
    (void)environment;
    return firma_cli_print("firma-run " FIRMA_VERSION, "\n");
}

static const struct {
    const char *word;
    int (*run)(char **words, char *const *environment);
} verbs[] = {
    {"check", firma_verb_check},
    {"contract", firma_verb_contract},
    {"validate", firma_verb_validate},
    {"--help", verb_help},
    {"-h", verb_help},
    {"--version", verb_version},
};

int main(int argc, char **argv)
{
    if (firma_fds_fill_standard() < 0) {
        perror("firma-run: system: /dev/null");
        return FIRMA_EXIT_OWN_FAILURE;
    }
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[1], verbs[i].word) == 0)
            return verbs[i].run(argv + 2, environ);
    }
    return firma_verb_run(argc > 0 ? argv + 1 : argv, environ);
}
