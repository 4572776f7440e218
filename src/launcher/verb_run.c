#include "launcher/cli.h"

static int launch(const struct firma_run_options *options, struct firma_error *err)
{
    struct firma_launch *launch = NULL;
    struct firma_exit end;
    int result = firma_launch_prepare(&launch, options, err);
    if (result == 0)
        result = firma_launch_run(launch, &end, err);
    firma_launch_close(launch);
    return result < 0 ? result : firma_exit_code(&end);
}

int firma_verb_run(char **words, char *const *environment)
{
    struct firma_cli cli;
    struct firma_error err = {0};
    int result = firma_cli_parse(&cli, words, environment, false, &err);
    if (result < 0)
        return firma_cli_complain(&err);
    cli.options.release_stdio = true;
    result = launch(&cli.options, &err);
    firma_cli_clear(&cli);
    return result < 0 ? firma_cli_complain(&err) : result;
}
