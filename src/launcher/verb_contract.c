#include "launcher/cli.h"

/* The very bytes that were written for a runner; no newline, as a contract has none. */
int firma_verb_contract(char **words, char *const *environment)
{
    struct firma_cli cli;
    struct firma_launch *launch;
    struct firma_error err = {0};
    int result = firma_cli_parse(&cli, words, environment, false, &err);
    if (result < 0)
        return firma_cli_complain(&err);
    result = firma_launch_prepare(&launch, &cli.options, &err);
    if (result < 0) {
        firma_cli_clear(&cli);
        return firma_cli_complain(&err);
    }
    int status = firma_cli_print(firma_launch_contract(launch), "");
    firma_launch_close(launch);
    firma_cli_clear(&cli);
    return status;
}
