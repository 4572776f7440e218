#include "launcher/flags.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define GUEST_FLAG      "FIRMA_RUN_VZ_GUEST"
#define STRUCTURAL_FLAG "FIRMA_RUN_VZ_STRUCTURAL_NETWORK"
#define SANDBOX_ID      "FIRMA_RUN_SANDBOX_ID"

static const struct {
    const char *word;
    bool value;
} words[] = {
    {"1", true},  {"true", true},   {"yes", true}, {"on", true},   {"", false},
    {"0", false}, {"false", false}, {"no", false}, {"off", false},
};

const char *firma_environment_get(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (char *const *entry = environment; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    }
    return NULL;
}

int firma_flag_parse(const char *name, const char *text, bool *out, struct firma_error *err)
{
    const char *start = text != NULL ? text : "";
    while (isspace((unsigned char)*start))
        start++;
    size_t length = strlen(start);
    while (length > 0 && isspace((unsigned char)start[length - 1]))
        length--;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].word) == length && strncasecmp(start, words[i].word, length) == 0) {
            *out = words[i].value;
            return 0;
        }
    }
    return firma_fail(err, FIRMA_E_CONFIG, 0,
                      "%s: is neither true (1 true yes on) nor false (0 false no off, or empty)",
                      name);
}

int firma_flags_require_guest(char *const *environment, struct firma_error *err)
{
    bool guest = false;
    bool structural = false;
    int result =
        firma_flag_parse(GUEST_FLAG, firma_environment_get(environment, GUEST_FLAG), &guest, err);
    if (result < 0)
        return result;
    result = firma_flag_parse(STRUCTURAL_FLAG, firma_environment_get(environment, STRUCTURAL_FLAG),
                              &structural, err);
    if (result < 0)
        return result;
    if (structural)
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          STRUCTURAL_FLAG ": the sandbox-exec mode is not built yet; unset it and "
                                          "set " GUEST_FLAG "=1 for guest mode");
    if (!guest)
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          "no mode is selected: set " GUEST_FLAG "=1 for guest mode");
    if (firma_environment_get(environment, SANDBOX_ID) != NULL)
        return firma_fail(err, FIRMA_E_CONFIG, 0,
                          SANDBOX_ID ": is reserved, the launcher mints it; unset it");
    return 0;
}
