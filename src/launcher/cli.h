/* cli.h - the command line of firma-run: what its files share. */
#ifndef FIRMA_CLI_H
#define FIRMA_CLI_H

#include <stdio.h>

#include "firma_run.h"

/* A parsed command line. The lists in `options` are owned, everything else is borrowed. */
struct firma_cli {
    struct firma_run_options options;
    const char **lists; /* backs env, pass_env and mounts */
};

/* Parses the words after the verb: options, then `--` and the command. FIRMA_E_USAGE names the
 * option at fault. With COMMAND_OPTIONAL the command may be left out. */
int firma_cli_parse(struct firma_cli *out, char **words, char *const *environment,
                    bool command_optional, struct firma_error *err);
void firma_cli_clear(struct firma_cli *cli);

/* Writes the help text. */
void firma_cli_help(FILE *stream);

/* Prints ERR on stderr and returns the exit status that goes with it. */
int firma_cli_complain(const struct firma_error *err);

/* Writes TEXT to stdout; the exit status: 0, or 125 if it could not be written. */
int firma_cli_print(const char *text, const char *end);

/* One verb a file: WORDS follow it, NULL-terminated. Each returns the exit status. */
int firma_verb_run(char **words, char *const *environment);
int firma_verb_check(char **words, char *const *environment);
int firma_verb_contract(char **words, char *const *environment);
int firma_verb_validate(char **words, char *const *environment);

#endif
