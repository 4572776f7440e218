#include "launcher/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firma_contract.h"

/* PATH itself if it is absolute, else below the current directory. malloc'd. */
static char *make_absolute(const char *path, struct firma_error *err)
{
    char *here = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
    size_t size = here != NULL ? strlen(here) + strlen(path) + 2 : 0;
    char *absolute = here != NULL ? malloc(size) : NULL;
    if (absolute == NULL)
        firma_fail(err, FIRMA_E_SYSTEM, errno, "%.512s", path);
    else
        snprintf(absolute, size, "%s%s%s", here, path[0] == '/' ? "" : "/", path);
    free(here);
    return absolute;
}

int firma_verb_validate(char **words, char *const *environment)
{
    struct firma_contract contract = {0};
    struct firma_error err = {0};
    (void)environment;
    if (words[0] == NULL || words[1] != NULL) {
        firma_fail(&err, FIRMA_E_USAGE, 0, "validate: needs exactly one FILE");
        return firma_cli_complain(&err);
    }
    char *path = make_absolute(words[0], &err);
    int result = path != NULL ? firma_contract_read(path, &contract, &err) : -err.code;
    free(path);
    firma_contract_clear(&contract);
    return result < 0 ? firma_cli_complain(&err) : 0;
}
