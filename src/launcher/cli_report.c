#include "launcher/cli.h"

int firma_cli_complain(const struct firma_error *err)
{
    fprintf(stderr, "firma-run: %s: %s%s\n", firma_error_name(err->code), err->text,
            err->code == FIRMA_E_USAGE ? "; see firma-run --help" : "");
    /* Interrupted is no failure of ours: the signal would have ended us. */
    return err->code == FIRMA_E_INTERRUPTED ? 128 + err->errnum : FIRMA_EXIT_OWN_FAILURE;
}

int firma_cli_print(const char *text, const char *end)
{
    if (fputs(text, stdout) >= 0 && fputs(end, stdout) >= 0 && fflush(stdout) == 0)
        return 0;
    perror("firma-run: standard output");
    return FIRMA_EXIT_OWN_FAILURE;
}
