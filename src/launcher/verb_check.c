#include "launcher/cli.h"

/* Everything up to the spawn is done for real and undone; a command is needed for a contract, so
 * one stands in if none was given. */
int firma_verb_check(char **words, char *const *environment)
{
    static char placeholder[] = "true";
    static char *const command[] = {placeholder, NULL};
    struct firma_cli cli;
    struct firma_launch *launch;
    struct firma_error err = {0};
    int result = firma_cli_parse(&cli, words, environment, true, &err);
    if (result < 0)
        return firma_cli_complain(&err);
    if (cli.options.command == NULL)
        cli.options.command = command;
    result = firma_launch_prepare(&launch, &cli.options, &err);
    if (result < 0) {
        firma_cli_clear(&cli);
        return firma_cli_complain(&err);
    }
    int status = firma_cli_print(firma_launch_proof(launch), "\n");
    firma_launch_close(launch);
    firma_cli_clear(&cli);
    return status;
}
